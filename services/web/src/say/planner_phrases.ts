/**
 * The optimiser's reasons (`optimizer/explain.py`) in Chinese: one sentence each, with the numbers that decided. A test
 * reads that file and fails when one of its sentences has no line here.
 */

const MATERIALS: Record<string, string> = {
  kitchen: "厨余垃圾",
  construction: "建筑垃圾",
  recyclable: "可回收物",
  residual: "其他垃圾",
};
export const waste = (name: string): string => MATERIALS[name] ?? name;

/** Amounts such as "120 kg and 240 l" and words such as "nothing" inside a sentence. */
function amounts(text: string): string {
  return text
    .replaceAll(" and ", "、")
    .replace(/(\S+) kg/g, "$1 千克")
    .replace(/(\S+) l\b/g, "$1 升")
    .replace(/^nothing$/, "没有")
    .replace(/^none$/, "无")
    .replace(/^never$/, "从不")
    .replace(/^no truck at all$/, "不存在的车辆");
}

/** " and 30 min of overtime are allowed" */
const overtime = (minutes: string | undefined): string => (minutes ? `（可加班 ${minutes} 分钟）` : "");

export const PLANNER_PHRASES: [pattern: RegExp, chinese: (...parts: string[]) => string][] = [
  [/^(\S+) is committed to it, but there is no way for it to get there\.$/, t => `${t} 已承诺前往，但无路可达。`],
  [/^No truck is free: every one is stranded\.$/, () => "没有可用车辆：全部受困。"],
  [/^No truck is free: there is none in the problem\.$/, () => "没有可用车辆。"],
  [/^No truck has a compartment for (\S+) \(trucks: (\S+)\)\.$/, (m, n) => `${n} 辆车都没有装${waste(m)}的车厢。`],
  [/^No facility accepts (\S+)\.$/, m => `没有场站接收${waste(m)}。`],
  [
    /^Its load may be tipped only at (.+); (\S+) is accepted by (.+)\.$/,
    (only, m, by) => `只能在 ${amounts(only)} 卸料；接收${waste(m)}的是 ${by}。`,
  ],
  [
    /^It needs (.+); of the (\S+) trucks for (\S+), (\S+) comes closest and lacks (.+)\.$/,
    (needs, n, m, t, lacks) => `需要 ${needs}；${n} 辆${waste(m)}车中 ${t} 最接近，缺 ${lacks}。`,
  ],
  [
    /^It is locked to (.+), without room or time for it; (\S+) could serve it\.$/,
    (only, other) => `锁定给 ${amounts(only)}，但其装不下或来不及；${other} 可以。`,
  ],
  [/^It is locked to (.+); (\S+) could serve it\.$/, (only, other) => `锁定给 ${amounts(only)}；${other} 可以。`],
  [
    /^It is (\S+) kg and (\S+) l; the largest compartment for it, of (\S+), holds (.+)\.$/,
    (kg, l, t, room) => `共 ${kg} 千克、${l} 升；最大的车厢（${t}）可装 ${amounts(room)}。`,
  ],
  [
    /^No truck for (\S+) has a way to location (\S+) and away again\.$/,
    (m, place) => `没有${waste(m)}车能往返地点 ${place}。`,
  ],
  [
    /^No truck for (\S+) has a way to it, to a facility and on from there\.$/,
    m => `没有${waste(m)}车能到达该处、再到场站并离开。`,
  ],
  [
    /^Serving it costs at least (\S+) with (\S+), leaving it out (\S+)\.$/,
    (cost, t, prize) => `由 ${t} 收运的代价至少为 ${cost}，不收的代价为 ${prize}。`,
  ],
  [
    /^The time was over before it was tried with (\S+), where it would fit\.$/,
    t => `搜索时间用尽，尚未尝试可行的 ${t}。`,
  ],
  [
    /^The time was over before a place for it, or the reason against one, was found\.$/,
    () => "搜索时间用尽，尚未找到位置或原因。",
  ],
  [
    /^With it, (\S+) would be out for (\S+) h; at most (\S+) h(?: and (\S+) min of overtime are allowed)?\.$/,
    (t, out, most, extra) => `加上它，${t} 将在外 ${out}，最多 ${most}${overtime(extra)}。`,
  ],
  [
    /^With it, (\S+) would be back at (\S+); its shift ends at (\S+?)(?: and (\S+) min of overtime are allowed)?\.$/,
    (t, back, end, extra) => `加上它，${t} 将在 ${back} 返回，班次 ${end} 结束${overtime(extra)}。`,
  ],
  [
    /^It has an empty list of windows: there is no time at which it may be collected\.$/,
    () => "允许时间为空：任何时候都不能收运。",
  ],
  [
    /^It must begin by (\S+); the first truck for (\S+?)(?: waste)?, (\S+), can be there at (\S+?)(?: with what it has to do)?\.$/,
    (by, m, t, at) => `须在 ${by} 前开始；最早的${waste(m)}车 ${t} 要到 ${at} 才能到达。`,
  ],
  [
    /^It may begin at (\S+); (\S+) would have to be there by (\S+)\.$/,
    (from, t, by) => `最早 ${from} 可以开始；${t} 须在 ${by} 前到达。`,
  ],
  [
    /^It may begin only at (.+); (\S+) could be there at (\S+)\.$/,
    (spans, t, at) => `只能在 ${spans} 开始；${t} 可在 ${at} 到达。`,
  ],
  [
    /^It is (\S+) kg and (\S+) l; (\S+), which comes closest, has room for (.+) on one of its trips and no time for another\.$/,
    (kg, l, t, room) => `共 ${kg} 千克、${l} 升；最接近的 ${t} 一趟还可装：${amounts(room)}，没有时间再跑一趟。`,
  ],
  [/^The facilities close before (\S+) could tip it\.$/, t => `${t} 赶到之前场站已关闭。`],
  [
    /^(.+), where it would be tipped, lets trucks in (.+); (\S+) would need it at (\S+)\.$/,
    (site, spans, t, at) => `应卸料的 ${site} 开放时间为 ${amounts(spans)}；${t} 要在 ${at} 用到它。`,
  ],
  [
    /^All (\S+) docks of (\S+) are taken whenever (\S+) could unload\.$/,
    (n, site, t) => `${t} 能卸料的时候，${site} 的 ${n} 个卸料口都被占用。`,
  ],
  [
    /^(\S+) can take (\S+) kg more beside the others' loads; this is (\S+) kg for (\S+)\.$/,
    (site, free, kg, t) => `除其他车辆外，${site} 还可接收 ${free} 千克；这里是 ${t} 的 ${kg} 千克。`,
  ],
  [
    /^(\S+) collects (\S+) kg of at most (\S+) kg in the day; this is (\S+) kg more\.$/,
    (t, kg, most, more) => `${t} 当日收运 ${kg} 千克，上限 ${most} 千克；这里还有 ${more} 千克。`,
  ],
  [
    /^(\S+) collects (\S+) stops of at most (\S+) in the day\.$/,
    (t, n, most) => `${t} 当日收运 ${n} 处，上限 ${most} 处。`,
  ],
  [
    /^(\S+) has the room and the time, but lacks (.+)\.$/,
    (t, lacks) => `${t} 有空间也有时间，但缺 ${amounts(lacks)}。`,
  ],
  [
    /^It has (\S+) kg on board from (\S+) on and cannot tip them (at .+|anywhere: no facility may take all of it|\S+) within site hours, what the site still takes, and its shift until (\S+)\.$/,
    (kg, from, where, until) =>
      `自 ${from} 起车上有 ${kg} 千克，在开放时间、场站余量和班次（至 ${until}）内无法${
        where.startsWith("anywhere") ? "卸料：没有场站可全部接收" : `在 ${where.replace(/^at /, "")} 卸料`
      }。`,
  ],
  [
    /^Its visits from (\S+) to (\S+) leave no moment at which an owed break may begin\.$/,
    (from, to) => `${from} 至 ${to} 的行程中没有可以开始应有休息的时刻。`,
  ],
  [/^There is no way to its committed visit (\S+) of (\S+)\.$/, (n, of) => `手中 ${of} 项任务的第 ${n} 项无路可达。`],
  [
    /^There is no way from its last visit to its end at location (\S+)\.$/,
    place => `从最后一站到终点 ${place} 无路可达。`,
  ],
  [
    /^What it must do keeps it until (\S+), (\S+) min over; its shift ends at (\S+) and (\S+) min of overtime are allowed\.$/,
    (until, over, end, extra) => `手中的任务要到 ${until}，超出 ${over} 分钟；班次 ${end} 结束${overtime(extra)}。`,
  ],
  // of what a move would come to: `services/planner/pricing.py`, `optimizer/moves.py`
  [/^(\S+) has broken down\.$/, t => `${t} 发生故障。`],
  [/^(\S+) has called for help\.$/, t => `${t} 正在求救。`],
  [/^(\S+) has gone home\.$/, t => `${t} 已收车。`],
  [/^The place of (\S+) is not known\.$/, t => `${t} 的位置未知。`],
  [/^(\S+) is not on shift for this waste\.$/, t => `${t} 当前不在该类垃圾的班次。`],
  [/^The route it is in does not hold without it\.$/, () => "去掉它，原路线无法成立。"],
  [/^It was not asked about\.$/, () => "未测算。"],
];
