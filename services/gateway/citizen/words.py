"""What the citizen's pages say, in English and Simplified Chinese. A missing word does not type-check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from services.gateway.report_steps import Kind, State

Language = Literal["zh", "en"]


@dataclass(frozen=True, kw_only=True)
class Words:
    """All words of one language. ``{…}`` is filled in."""

    tag: str
    other_language: str
    title: str
    lead: str
    what: str
    kind: Mapping[Kind, str]
    where: str
    place: str
    place_hint: str
    coordinates: str
    lat: str
    lon: str
    locate: str
    locating: str
    located: str
    locate_failed: str
    show_map: str
    map_label: str
    map_hint: str
    map_failed: str
    note: str
    note_hint: str
    photo: str
    photo_hint: str
    send: str
    privacy: str
    follow_title: str
    follow_label: str
    follow_button: str
    wrong: str
    faults: Mapping[str, str]
    thanks: str
    number: str
    keep_number: str
    what_becomes: str
    state: Mapping[State, str]
    due: str
    done_late: str
    overdue: str
    not_yet: str
    declined_because: str
    again: str
    said: str
    photo_there: str
    with_photo: str
    unknown_number: str
    away: str
    staff: str


EN: Final = Words(
    tag="en",
    other_language="中文",
    title="Report a waste problem",
    lead="No account needed. You get a number to follow what becomes of it.",
    what="What is it?",
    kind={
        "overflow": "A bin overflows",
        "dumping": "Dumped waste",
        "spill": "Waste on the road",
        "missed": "Not collected",
        "damaged": "A bin is damaged or missing",
        "other": "Something else",
    },
    where="Where is it?",
    place="Street, house number, what stands beside it",
    place_hint="The place in words, or on the map, or its coordinates: one of them is enough.",
    coordinates="Coordinates",
    lat="Latitude",
    lon="Longitude",
    locate="Use where I am",
    locating="Asking the device…",
    located="Taken: {place}",
    locate_failed="The device does not say where it is. Write the place, or choose it on the map.",
    show_map="Choose on the map",
    map_label="Map: its middle is the place",
    map_hint="Move the map, by hand or with the arrow keys, until the cross is on the place.",
    map_failed="The map cannot be drawn here. Write the place instead.",
    note="What else should we know? (optional)",
    note_hint="No names or telephone numbers of people, please.",
    photo="Photo (optional)",
    photo_hint="JPEG, PNG or WebP, at most 10 MB. Only the city's staff see it, without the place and time your camera wrote into it.",
    send="Send the report",
    privacy="We keep what you write and the photo, not who you are.",
    follow_title="Follow a report",
    follow_label="Number of the report",
    follow_button="Show",
    wrong="It was not sent. Please look at this:",
    faults={
        "kind": "Choose what it is.",
        "where": "Say where it is: in words, on the map, or by coordinates.",
        "coordinates": "The coordinates cannot be read. Latitude is a number from −90 to 90, longitude from −180 to 180; give both, or leave both empty.",
        "far": "This place is not in the city. Check the coordinates.",
        "place_long": "The place is too long: at most {most} characters.",
        "note_long": "The text is too long: at most {most} characters.",
        "photo_large": "The photo is larger than 10 MB, so it was not taken. Choose a smaller one, or send without it. The rest is still here.",
        "photo_kind": "This file is not a photo we can take. We take JPEG, PNG and WebP. The rest is still here.",
        "photo_broken": "The photo is damaged: it breaks off, or is not what it says. Choose another, or send without it. The rest is still here.",
        "photo_pixels": "The photo has too many pixels. Choose a smaller one. The rest is still here.",
        "photo_again": "The photo has to be chosen again: browsers forget it.",
        "too_many": "Too many reports from your connection. Wait {minutes} minutes, then send again. The text is still here.",
        "sent_before": "This form was sent before, with another content (number {number}). Send it again now if it is another report.",
        "form": "The browser's form did not arrive whole. Please send it again.",
        "database_away": "The service cannot keep anything at the moment. The text is still here: send it again in a minute.",
    },
    thanks="Thank you. Your report has arrived.",
    number="Number",
    keep_number="Write the number down or keep this page's address: only with it can the report be followed.",
    what_becomes="What becomes of it",
    state={
        "received": "Received",
        "filed": "Taken up",
        "dispatched": "Given to somebody",
        "handled": "Dealt with",
        "verified": "Checked",
        "closed": "Closed",
        "declined": "Not taken up",
    },
    due="by {time}",
    done_late="{time}, later than promised",
    overdue="was due by {time}",
    not_yet="not yet",
    declined_because="Why: {reason}",
    again="Report something else",
    said="What you wrote",
    photo_there="Photo",
    with_photo="has arrived",
    unknown_number="There is no report with this number. Check it: it has 16 letters and digits.",
    away="The service does not answer at the moment. Nothing is lost: open this page again in a minute.",
    staff="For staff: sign in",
)

ZH: Final = Words(
    tag="zh-Hans",
    other_language="English",
    title="垃圾问题上报",
    lead="无需注册。提交后获得编号，可随时查询办理进度。",
    what="是什么问题？",
    kind={
        "overflow": "垃圾桶满溢",
        "dumping": "乱倒垃圾渣土",
        "spill": "道路遗撒",
        "missed": "未按时收运",
        "damaged": "垃圾桶损坏或丢失",
        "other": "其他",
    },
    where="在什么地方？",
    place="路名、门牌号、旁边的标志物",
    place_hint="文字描述、地图选点、经纬度，三者填一项即可。",
    coordinates="经纬度",
    lat="纬度",
    lon="经度",
    locate="使用当前位置",
    locating="正在定位…",
    located="已取位置：{place}",
    locate_failed="设备没有给出位置，请填写地点，或在地图上选择。",
    show_map="在地图上选择",
    map_label="地图：中心即为所选地点",
    map_hint="拖动地图或使用方向键，使十字对准地点。",
    map_failed="此处无法绘制地图，请用文字填写地点。",
    note="补充说明（选填）",
    note_hint="请勿填写他人的姓名或电话。",
    photo="照片（选填）",
    photo_hint="支持 JPEG、PNG、WebP，不超过 10 MB。仅工作人员可见，相机写入的位置和时间不会显示。",
    send="提交",
    privacy="我们只保存您填写的内容和照片，不记录您的身份。",
    follow_title="查询进度",
    follow_label="上报编号",
    follow_button="查询",
    wrong="尚未提交，请检查：",
    faults={
        "kind": "请选择问题类型。",
        "where": "请说明地点：文字描述、地图选点或经纬度。",
        "coordinates": "经纬度无法识别。纬度为 −90 至 90，经度为 −180 至 180；两项都填，或都不填。",
        "far": "该地点不在本市范围内，请检查经纬度。",
        "place_long": "地点过长，最多 {most} 个字。",
        "note_long": "说明过长，最多 {most} 个字。",
        "photo_large": "照片超过 10 MB，未被接收。请换一张较小的，或不带照片提交。其余内容已保留。",
        "photo_kind": "该文件不是可接收的照片，支持 JPEG、PNG、WebP。其余内容已保留。",
        "photo_broken": "照片已损坏：内容不完整或格式不符。请换一张，或不带照片提交。其余内容已保留。",
        "photo_pixels": "照片像素过大，请换一张较小的。其余内容已保留。",
        "photo_again": "照片需要重新选择：浏览器不会保留。",
        "too_many": "您所在网络上报过于频繁，请 {minutes} 分钟后再提交。文字已保留。",
        "sent_before": "此表单此前已提交，内容不同（编号 {number}）。如果是另一个问题，请再次提交。",
        "form": "表单没有完整送达，请重新提交。",
        "database_away": "系统暂时无法保存，文字已保留，请一分钟后再提交。",
    },
    thanks="感谢您，上报已收到。",
    number="编号",
    keep_number="请记下编号或保存本页地址：凭编号才能查询进度。",
    what_becomes="办理进度",
    state={
        "received": "已上报",
        "filed": "立案",
        "dispatched": "派遣",
        "handled": "处置",
        "verified": "核查",
        "closed": "结案",
        "declined": "不予受理",
    },
    due="应于 {time} 前",
    done_late="{time}，超过时限",
    overdue="应于 {time} 前，已超时",
    not_yet="尚未开始",
    declined_because="原因：{reason}",
    again="再报一个问题",
    said="补充说明",
    photo_there="照片",
    with_photo="已收到",
    unknown_number="没有该编号的上报，请核对：编号为 16 位字母和数字。",
    away="系统暂时没有应答，内容没有丢失，请一分钟后再打开本页。",
    staff="工作人员登录",
)

BY_LANGUAGE: Final[dict[Language, Words]] = {"zh": ZH, "en": EN}


def language_of(wish: str | None, accepted: str) -> Language:
    """Return the language of the address, else the first of ``Accept-Language`` that we speak, else English."""
    if wish in ("zh", "en"):
        return "zh" if wish == "zh" else "en"
    ranked = sorted((_quality(part), place, part.strip().lower()) for place, part in enumerate(accepted.split(",")))
    for _, _, tag in ranked:
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "en"


def _quality(part: str) -> float:
    """Return how unwanted a language is: 0 = most wanted."""
    _, _, said = part.partition(";q=")
    try:
        return -float(said) if said else -1.0
    except ValueError:
        return 0.0
