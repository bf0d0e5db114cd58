/**
 * The phrases of the rules (`streams/rules/`) and of the planner in Chinese. A pattern holds numbers and names as
 * groups; a phrase that none fits stays in English, marked as such: better than a wrong translation. A test reads the
 * rules' sources and fails when one of their phrases has no line here.
 */

import { hourMinuteSecond } from "../words/format.ts";
import { CHECK_PHRASES } from "./check_phrases.ts";
import { PLANNER_PHRASES } from "./planner_phrases.ts";

type Phrase = [pattern: RegExp, chinese: (...parts: string[]) => string];

const SENSORS: Record<string, string> = { cover: "篷盖", bed: "车厢", load: "载重" };
const HEALTH: Record<string, string> = {
  open: "断路",
  short: "短路",
  suspect: "可疑",
  missing: "未安装",
  stuck: "卡死",
  "contradicts the bed": "与车厢状态矛盾",
};
const EXCEPTIONS: Record<string, string> = {
  blocked: "道路受阻",
  contaminated: "混装污染",
  overfilled: "严重满溢",
  not_out: "未投放",
  other: "其他",
  "no reason given": "未说明原因",
};

const PHRASES: Phrase[] = [
  // conditions
  [/^bed raised for at least (\S+) s$/, s => `车厢举升至少 ${s} 秒`],
  [/^away from every place where unloading is lawful$/, () => "远离所有可合法卸料的地点"],
  [/^(\S+) m and more$/, m => `${m} 米以上`],
  [/^silence of the terminal, no report missing$/, () => "终端静默，且没有缺失的报告"],
  [/^no report has come$/, () => "一直没有收到报告"],
  [/^driving, and no report has a place$/, () => "行驶中，所有报告都没有定位"],
  [/^when it reported before$/, () => "此前最后一次报告时"],
  [/^loaded, at work, its engine on$/, () => "载货、作业中、发动机运转"],
  [/^the load fell$/, () => "载重下降"],
  [/^the load before$/, () => "此前的载重"],
  [/^loaded$/, () => "载货"],
  [/^empty$/, () => "空载"],
  [/^not known$/, () => "未知"],
  [/^loaded and driving$/, () => "载货行驶"],
  [/^(\S+) kg before$/, kg => `此前 ${kg} 千克`],
  [/^the load fell while driving$/, () => "行驶中载重下降"],
  [/^cover$/, () => "篷盖"],
  [/^open or half open$/, () => "打开或半开"],
  [/^closed or not known$/, () => "关闭或未知"],
  [/^cover open or half open$/, () => "篷盖打开或半开"],
  [/^open$/, () => "打开"],
  [/^half$/, () => "半开"],
  [/^driving uncovered for at least (\S+) s$/, s => `未密闭行驶至少 ${s} 秒`],
  [/^metres from the nearest permitted corridor \(at least\)$/, () => "距最近许可路线的距离（至少）"],
  [/^off the corridor for at least (\S+) s$/, s => `偏离许可路线至少 ${s} 秒`],
  [/^fixes off the corridor$/, () => "偏离路线的定位点数"],
  [/^fallen for at least (\S+) s$/, s => `下降已持续至少 ${s} 秒`],
  [/^the load fell across the silence$/, () => "静默前后载重下降"],
  [/^load$/, () => "载重状态"],
  [/^none$/, () => "无"],
  [/^once$/, () => "一次"],
  [/^closed$/, () => "关闭"],
  [/^cut$/, () => "切断"],
  [/^mocked$/, () => "模拟定位"],
  [/^dumps at one place$/, () => "同一地点的倾倒次数"],
  [/^trucks that dumped there$/, () => "在此倾倒的车辆"],
  [/^farthest from the first dump$/, () => "距首次倾倒点最远"],
  [/^(\S+) m$/, m => `${m} 米`],
  [/^(cover|bed|load) sensor$/, sensor => `${SENSORS[sensor] ?? sensor}传感器`],
  [/^(short|suspect|stuck)$/, health => HEALTH[health] ?? health],
  [/^silent$/, () => "无读数"],
  [/^so for at least (\S+) s$/, s => `已持续至少 ${s} 秒`],
  [/^fill$/, () => "满度"],
  [/^full for at least (\S+) s$/, s => `满溢至少 ${s} 秒`],
  [/^lid$/, () => "桶盖"],
  [/^temperature$/, () => "温度"],
  [/^risen since the reading before$/, () => "较上次读数升高"],
  [/^hotter than the sun makes a bin$/, () => "高于日晒可达的温度"],
  [/^hot for hours$/, () => "过热持续小时数"],
  [/^position$/, () => "姿态"],
  [/^tilted$/, () => "倾斜"],
  [/^tilted for at least (\S+) s$/, s => `倾斜至少 ${s} 秒`],
  [/^why it cannot be used$/, () => "读数不可用的原因"],
  [/^no fill$/, () => "没有满度"],
  [/^readings in a row that cannot be used$/, () => "连续不可用读数"],
  [/^readings in a row that are the same$/, () => "连续相同读数"],
  [/^for hours$/, () => "持续小时数"],
  [/^readings that trembled before$/, () => "此前有微小波动的读数占比"],
  [/^fill it gained a day before$/, () => "此前每天上升的满度"],
  [/^(\S+) %$/, share => `${share}%`],
  [/^zone with a speed limit$/, () => "限速区"],
  [/^its limit$/, () => "限速"],
  [/^(\S+) km\/h$/, speed => `${speed} 公里/时`],
  [/^fastest$/, () => "最高速度"],
  [/^fixes above the limit$/, () => "超速定位点数"],
  [/^loaded at$/, () => "装车地点"],
  [/^permits in force for this load$/, () => "这批垃圾的有效许可证"],
  [/^permits of the truck for other loads$/, () => "该车用于其他货源的许可证"],
  [/^last permit that ended$/, () => "最近到期的许可证"],
  [/^driving without a permit for at least (\S+) s$/, s => `无证行驶至少 ${s} 秒`],
  [/^hours of its permits$/, () => "许可证时段"],
  [/^never$/, () => "任何时段均不许可"],
  [/^outside them from and to \(local\)$/, () => "不在许可时段（当地时间）"],
  [/^driving outside the hours for at least (\S+) s$/, s => `在许可时段外行驶至少 ${s} 秒`],
  [/^forbidden zone$/, () => "禁行区"],
  [/^forbidden for$/, () => "禁行对象"],
  [/^every truck$/, () => "所有车辆"],
  [/^loaded trucks$/, () => "载货车辆"],
  [/^fixes inside, by more than their accuracy$/, () => "位于区内（超出定位误差）的定位点数"],
  [/^inside for at least (\S+) s$/, s => `在区内至少 ${s} 秒`],
  [/^seen inside, by more than its accuracy$/, () => "在区内被定位到（超出定位误差）"],
  [/^straight through the zone to where it was seen next$/, () => "到下一个定位点的直线穿过该区的长度"],
  [/^permitted load$/, () => "核定载重"],
  [/^middle of the readings while driving$/, () => "行驶中载重读数的中位值"],
  [/^above it for at least (\S+) s$/, s => `超过核定载重至少 ${s} 秒`],
  [/^net weight on the weighbridge above the permitted load$/, () => "地磅净重超过核定载重"],
  [/^gross weight on the weighbridge above its limit$/, () => "地磅毛重超过限值"],
  [/^net weight on the weighbridge$/, () => "地磅净重"],
  [/^on board before the weighbridge$/, () => "过磅前车上载重"],
  [/^(\S+) kg$/, kg => `${kg} 千克`],
  [/^missing on the weighbridge$/, () => "过磅时缺少"],
  [/^receipt for the same load before$/, () => "同一批垃圾此前的磅单"],
  [/^material on the receipt$/, () => "磅单上的垃圾种类"],
  [/^taken by$/, () => "接收场所"],
  [/^it may take$/, () => "可接收"],
  [/^facilities of the permits for this load$/, () => "许可证指定的处置场所"],
  [/^places made up, as the device itself says$/, () => "设备自报为模拟定位"],
  [/^fixes made up$/, () => "模拟定位点数"],
  [/^for at least (\S+) s$/, s => `持续至少 ${s} 秒`],
  [/^load reading the same all the while$/, () => "载重读数始终不变"],
  [/^times emptied meanwhile$/, () => "期间卸空次数"],
  [/^power of the terminal$/, () => "终端电源"],
  [/^cover said to be closed, and the bed raised under it$/, () => "篷盖报为关闭而车厢在其下举升"],
  [/^unloadings in a row$/, () => "连续卸料次数"],
  [/^the driver called for help$/, () => "司机请求救援"],
  [/^the truck cannot go on$/, () => "车辆无法继续行驶"],
  [/^alarm bit of the terminal$/, () => "终端报警位"],
  [/^the driver's app$/, () => "司机端"],
  [/^collision$/, () => "碰撞"],
  [/^rollover$/, () => "侧翻"],
  [/^collision, rollover$/, () => "碰撞、侧翻"],
  // what would have made it lawful
  [
    /^inside a facility, source(?:, depot)? or workshop area \(nearest: (\S+) m, (.+)\)$/,
    (m, name) => `位于场站、产生地、车场或维修区域内（最近：${m} 米，${name}）`,
  ],
  [
    /^inside a facility, source(?:, depot)? or workshop area \(none known\)$/,
    () => "位于场站、产生地、车场或维修区域内（附近没有）",
  ],
  [/^a stop at which the load left$/, () => "载重是在停车时卸下的"],
  [/^the load back at its level: rough road, slope$/, () => "载重恢复原值：路面颠簸或坡道"],
  [/^the cover closed$/, () => "篷盖关闭"],
  [/^the truck empty$/, () => "车辆空载"],
  [/^within (\S+) m of the source$/, m => `距产生地 ${m} 米以内`],
  [/^a plan made before whose path leads there$/, () => "此前的计划路线经过该处"],
  [/^within (\S+) m of a registered place$/, m => `距登记地点 ${m} 米以内`],
  [/^another permit in force for this load$/, () => "这批垃圾另有有效许可证"],
  [/^in a depot, facility, parking place or dead zone$/, () => "位于车场、处置场所、停车点或信号盲区内"],
  [/^reports made meanwhile that come late$/, () => "期间的报告稍后补传到达"],
  [/^an echo of the lid: the next reading is lower$/, () => "桶盖回波：下一次读数更低"],
  [/^a sensor in the sun: it warms slowly, and less$/, () => "传感器受日晒：升温慢且不高"],
  [/^a truck that empties it$/, () => "收运车正在倒桶"],
  [/^a bin that nobody uses$/, () => "无人使用的垃圾桶"],
  [/^a truck without that sensor$/, () => "车辆未安装该传感器"],
  [/^a higher limit on this road$/, () => "该道路限速更高"],
  [/^a site that is registered, where unloading is lawful$/, () => "已登记、可合法卸料的地点"],
  [/^a permit in force for this source and material$/, () => "对该货源和种类有有效许可证"],
  [/^a material that needs no permit$/, () => "该种垃圾无需许可证"],
  [/^hours of another permit for this load$/, () => "这批垃圾另一许可证的时段"],
  [/^outside the zone's hours$/, () => "不在该区的禁行时段"],
  [/^the load sensor off by more than its margin: a weighbridge says$/, () => "载重传感器误差超出裕量（以地磅为准）"],
  [/^another truck on the weighbridge$/, () => "地磅上是另一辆车"],
  [/^a receipt of another truck$/, () => "磅单属于另一辆车"],
  [/^unloaded between, where nobody saw it$/, () => "其间在无人看到处卸料"],
  [/^a second load between the two, unseen$/, () => "两次之间另有一批未被看到的垃圾"],
  [/^the facility licensed for this material$/, () => "该场所获准接收此种垃圾"],
  [/^a permit in force that names this facility$/, () => "有效许可证指定了该场所"],
  [/^a device or sensor that is broken, and reported so$/, () => "设备或传感器损坏并已报修"],
  [/^work on the truck in a depot or workshop$/, () => "车辆在车场或维修区检修"],
  // what is not known
  [/^whether it has no network or no power is not known$/, () => "无法判断是没有网络还是断电"],
  [
    /^this report came late; later ones, heard before, say nothing of it$/,
    () => "该报告到达较晚；此前收到的更晚报告未提及此事",
  ],
  [/^the device clock was (-?\d+) s ahead; times are corrected$/, s => `设备时钟快 ${s} 秒，时间已校正`],
  [/^reports are missing in the (\S+) s before$/, s => `此前 ${s} 秒缺少报告`],
  [
    /^(cover|bed|load) sensor: (.+)$/,
    (sensor, health) => `${SENSORS[sensor] ?? sensor}传感器：${HEALTH[health] ?? health}`,
  ],
  [/^the truck is not in the register: class and payload are unknown$/, () => "车辆未登记，车型与核定载重未知"],
  [/^where it was loaded is not known$/, () => "装车地点未知"],
  [/^its way through the zone was not seen$/, () => "在区内的行驶过程未被看到"],
  [/^of some dumps it is not known how much$/, () => "部分倾倒的数量未知"],
  [/^the bin is not in the register$/, () => "垃圾桶未登记"],
  [/^the receipt names no material$/, () => "磅单未写明垃圾种类"],
  [/^no cover sensor$/, () => "没有篷盖传感器"],
  // why it was withdrawn
  [
    /^truck-states (\S+) (\d+): the terminal did report, its fix came late$/,
    (truck, at_ms) => `${truck} 的终端在 ${hourMinuteSecond(Number(at_ms))} 其实有上报，只是到得晚`,
  ],
  [
    /^alerts (\S+) (\d+): the dump was withdrawn$/,
    (truck, at_ms) => `${truck} 在 ${hourMinuteSecond(Number(at_ms))} 的倾倒已撤回`,
  ],
  [
    /^alerts (\S+) (\d+): the place is told as (\S+)$/,
    (truck, at_ms, alert) => `因 ${truck} 在 ${hourMinuteSecond(Number(at_ms))} 的倾倒，该地点改由告警 ${alert} 记录`,
  ],
  // with what it was judged
  [/^permit$/, () => "许可证"],
  [/^plan$/, () => "计划"],
  [/^zones$/, () => "区域"],
  [/^weighing$/, () => "磅单"],
  [/^ticket$/, () => "联单"],
  [/^facility$/, () => "处置场所"],
  [/^dumps$/, () => "倾倒"],
  // why a bin is due (`streams/filling.py`)
  [/^emptied$/, () => "已清空"],
  [/^forecast corrected$/, () => "预测已修正"],
  [/^overflow moved$/, () => "满溢时间有变化"],
  [/^due$/, () => "待收运"],
  [/^fill (\S+) is (\S+) or more$/, (fill, share) => `满度 ${fill}，达到 ${share} 以上`],
  [/^overflow expected within (\S+) h$/, hours => `预计 ${hours} 小时内满溢`],
  // the planner
  [
    /^A dispatcher \((.+)\) left it out: (.+)\.$/,
    (who, why) => `调度员（${who}）暂不收运：${EXCEPTIONS[why] ?? why}。`,
  ],
  [
    /^(\S+) had to skip it (\d+) min ago \((.+)\)\.$/,
    (truck, minutes, why) => `${truck} 在 ${minutes} 分钟前跳过（${EXCEPTIONS[why] ?? why}）。`,
  ],
  ...PLANNER_PHRASES,
  ...CHECK_PHRASES,
  // units
  [/^fixes$/, () => "个"],
  [/^kg$/, () => "千克"],
  [/^m$/, () => "米"],
  [/^s$/, () => "秒"],
  [/^times$/, () => "次"],
  [/^h$/, () => "小时"],
  [/^°C$/, () => "°C"],
  [/^%$/, () => "%"],
  [/^km\/h$/, () => "公里/时"],
];

/** The phrase, or sentence after sentence, in Chinese; null where one is not known. */
export function inChinese(text: string): string | null {
  const sentences = text.split(/(?<=\.) (?=[A-Z])/);
  const chinese = oneInChinese(text);
  if (chinese !== null || sentences.length === 1) return chinese;
  const all = sentences.map(oneInChinese);
  return all.includes(null) ? null : all.join("");
}

function oneInChinese(text: string): string | null {
  for (const [pattern, chinese] of PHRASES) {
    const found = pattern.exec(text);
    if (found) return chinese(...found.slice(1));
  }
  return null;
}
