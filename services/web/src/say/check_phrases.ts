/**
 * The rules a plan broke (`optimizer/check.py`) in Chinese: one sentence each. A test reads that file and fails when one
 * of its sentences has no line here.
 */

import { waste } from "./planner_phrases.ts";

type Chinese = (...parts: string[]) => string;

const KINDS: Record<string, string> = { start: "出发", collect: "收运", tip: "卸料", break: "休息", end: "回场" };

/** "collect b1" */
const visit = (title: string): string => title.replace(/^\w+/, kind => KINDS[kind] ?? kind);

/** What is said of a truck: after "Truck t1 " and before ".". */
const OF_A_TRUCK: [what: string, chinese: Chinese][] = [
  ["has a route without visits", () => "的路线中没有任何任务"],
  ["has more than one route", () => "有不止一条路线"],
  [
    String.raw`does not go to its committed visit (\S+), (\S+), in its order`,
    (n, name) => `没有按顺序前往已承诺的第 ${n} 项任务 ${name}`,
  ],
  [String.raw`must begin with kind start at location (\S+)`, place => `必须从地点 ${place} 出发`],
  ["must arrive, begin and leave at the start at one time", () => "在起点的到达、开始、离开时间必须相同"],
  [
    String.raw`leaves at (\S+), before its shift begins at (\S+)`,
    (at, begins) => `在 ${at} 出发，早于班次开始时间 ${begins}`,
  ],
  [String.raw`has no way from location (\S+) to (\S+)`, (from, to) => `从地点 ${from} 到 ${to} 无路可达`],
  [String.raw`arrives at (.+) at (\S+), expected (\S+)`, (v, at, due) => `到达“${visit(v)}”为 ${at}，应为 ${due}`],
  [
    String.raw`begins (.+) at (\S+), before it arrives at (\S+)`,
    (v, at, arrives) => `在 ${at} 开始“${visit(v)}”，早于到达时间 ${arrives}`,
  ],
  [String.raw`leaves (.+) at (\S+), expected (\S+)`, (v, at, due) => `离开“${visit(v)}”为 ${at}，应为 ${due}`],
  ["has a start in the middle of its route", () => "的路线中途又有出发"],
  [String.raw`collects a stop (\S+) that does not exist`, stop => `收运不存在的收集点 ${stop}`],
  [
    String.raw`collects (\S+) at location (\S+), it is at (\S+)`,
    (stop, at, real) => `在地点 ${at} 收运 ${stop}，其实际位于 ${real}`,
  ],
  [String.raw`collects (\S+) without the skill (.+)`, (stop, lacks) => `收运 ${stop}，但不具备 ${lacks}`],
  [
    String.raw`collects (\S+), which is locked to (.+)`,
    (stop, only) => `收运 ${stop}，但该点锁定给 ${only === "no truck" ? "不存在的车辆" : only}`,
  ],
  [
    String.raw`collects (\S+) into compartment (\S+), it has (\S+)`,
    (stop, n, has) => `把 ${stop} 装入第 ${n} 号车厢，而共有 ${has} 个车厢`,
  ],
  [
    String.raw`collects (\S+), (\S+), into compartment (\S+), which does not take it`,
    (stop, m, n) => `把 ${stop}（${waste(m)}）装入不能装此类垃圾的第 ${n} 号车厢`,
  ],
  [
    String.raw`mixes (\S+) of (\S+) with (\S+) in compartment (\S+)`,
    (m, stop, other, n) => `在第 ${n} 号车厢把 ${stop} 的${waste(m)}与${waste(other)}混装`,
  ],
  [
    String.raw`has (\S+) kg in compartment (\S+) after (\S+), at most (\S+)`,
    (kg, n, stop, most) => `收运 ${stop} 后第 ${n} 号车厢有 ${kg} 千克，上限 ${most}`,
  ],
  [
    String.raw`has (\S+) l in compartment (\S+) after (\S+), at most (\S+)`,
    (l, n, stop, most) => `收运 ${stop} 后第 ${n} 号车厢有 ${l} 升，上限 ${most}`,
  ],
  [String.raw`tips at a facility (\S+) that does not exist`, site => `在不存在的场站 ${site} 卸料`],
  [
    String.raw`tips at (\S+) at location (\S+), it is at (\S+)`,
    (site, at, real) => `在地点 ${at} 的 ${site} 卸料，其实际位于 ${real}`,
  ],
  [String.raw`takes a break (\S+) that it does not have`, pause => `安排了不属于它的休息 ${pause}`],
  [String.raw`takes break (\S+) twice`, pause => `安排了两次休息 ${pause}`],
  [
    String.raw`takes break (\S+) at location (\S+), it stands at (\S+)`,
    (pause, at, here) => `在地点 ${at} 休息（${pause}），而车辆停在 ${here}`,
  ],
  [
    String.raw`begins (.+) at (\S+), allowed: (.+)`,
    (v, at, spans) => `在 ${at} 开始“${visit(v)}”，允许时间：${spans === "never" ? "无" : spans}`,
  ],
  [
    String.raw`leaves (.+) with (\S+) kg and (\S+) l, the plan says (\S+) and (\S+)`,
    (v, kg, l, saidKg, saidL) => `离开“${visit(v)}”时有 ${kg} 千克、${l} 升，计划写的是 ${saidKg} 和 ${saidL}`,
  ],
  ["goes on after its end", () => "在路线结束后仍有任务"],
  ["ends with a break; breaks lie between two visits", () => "以休息结束；休息应在两项任务之间"],
  ["has an end visit, its route is over with the last visit", () => "多了回场，路线应在最后一项任务结束"],
  [String.raw`must end with kind end at location (\S+)`, place => `必须在地点 ${place} 结束`],
  [String.raw`needs (\S+) s of overtime, at most (\S+)`, (s, most) => `需要加班 ${s} 秒，上限 ${most}`],
  ["is not empty when its route is over: compartment (.+)", which => `在路线结束时没有卸空：第 ${which} 号车厢`],
  [String.raw`collects (\S+) kg in the day, at most (\S+)`, (kg, most) => `当日收运 ${kg} 千克，上限 ${most}`],
  [String.raw`collects (\S+) stops in the day, at most (\S+)`, (n, most) => `当日收运 ${n} 处，上限 ${most}`],
  [String.raw`owes break (\S+)`, pause => `没有安排应有的休息 ${pause}`],
  ["has committed visits but no route", () => "有已承诺的任务，却没有路线"],
  ["has a load to tip but no route", () => "车上有待卸的垃圾，却没有路线"],
  [
    String.raw`is called stranded \((\S+)\), but there is a lawful way for it`,
    code => `被称为受困（${code}），但其实有合法路线`,
  ],
];

export const CHECK_PHRASES: [pattern: RegExp, chinese: Chinese][] = [
  ...OF_A_TRUCK.map(([what, chinese]): [RegExp, Chinese] => [
    // a gap of several words does not reach into the next sentence
    new RegExp(String.raw`^Truck (\S+) ${what.replaceAll(".+", "(?:(?!\\. ).)+")}\.$`),
    (truck = "", ...parts) => `车辆 ${truck} ${chinese(...parts)}。`,
  ]),
  [/^There is no truck (\S+)\.$/, t => `没有车辆 ${t}。`],
  [
    /^The plan says cost\.(\S+) is (\S+), it is (\S+)\.$/,
    (n, said, real) => `计划写的 ${n} 为 ${said}，实际为 ${real}。`,
  ],
  [
    /^Stop (\S+) is served (\S+) times and unassigned (\S+) times, expected once in all\.$/,
    (stop, served, left) => `收集点 ${stop} 被安排 ${served} 次、未排 ${left} 次，合计应为一次。`,
  ],
  [/^Unassigned stop (\S+) does not exist\.$/, stop => `未排的收集点 ${stop} 不存在。`],
  [
    /^Unassigned stop (\S+) has the unknown code (\S+)\.$/,
    (stop, code) => `未排的收集点 ${stop} 的代码 ${code} 未知。`,
  ],
  [
    /^Stop (\S+) is required, so it cannot be left out as not worth it\.$/,
    stop => `收集点 ${stop} 必须收运，不能以不值得为由不排。`,
  ],
  [/^Unassigned stop (\S+) has no reason\.$/, stop => `未排的收集点 ${stop} 没有原因。`],
  [
    /^Facility (\S+) gets (\S+) kg, it can take (\S+)\.$/,
    (site, kg, most) => `场站 ${site} 将收到 ${kg} 千克，只能接收 ${most}。`,
  ],
  [
    /^Facility (\S+) has (\S+) trucks unloading at (\S+), it has (\S+) docks\.$/,
    (site, n, at, docks) => `场站 ${site} 在 ${at} 有 ${n} 辆车卸料，只有 ${docks} 个卸料口。`,
  ],
  [/^Stranded truck (\S+) has no route\.$/, t => `受困车辆 ${t} 没有路线。`],
  [/^Stranded truck (\S+) has no reason\.$/, t => `受困车辆 ${t} 没有原因。`],
  [
    /^Stranded truck (\S+) collects more than what it has committed itself to\.$/,
    t => `受困车辆 ${t} 收运了承诺之外的任务。`,
  ],
];
