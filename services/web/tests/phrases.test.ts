import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { inChinese } from "../src/say/phrases.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

function pythonIn(folder: string): string[] {
  const names = readdirSync(resolve(ROOT, folder)).filter(name => name.endsWith(".py"));
  return names.map(name => readFileSync(resolve(ROOT, folder, name), "utf8"));
}

const SOURCES = [
  ...pythonIn("streams/rules"),
  ...["sites", "bins"].map(name => readFileSync(resolve(ROOT, `streams/${name}.py`), "utf8")),
];

const withSevens = (text: string): string => text.replace(/\{[^}]*\}/g, "7");

/** Literals that stand beside each other, as Python joins them. */
const JOINED = /(?:f?"(?:[^"\\\n]|\\.)*"\s*)+/;

function joined(literals: string): string {
  return [...literals.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map(piece => piece[1]).join("");
}

function optimiser(file: string): string {
  return readFileSync(resolve(ROOT, "optimizer", file), "utf8").replace(/"""[\s\S]*?"""/g, "");
}

function pricing(): string {
  return readFileSync(resolve(ROOT, "services/planner/pricing.py"), "utf8").replace(/"""[\s\S]*?"""/g, "");
}

/** Whole sentences in a source, with 7 for every number or name. */
function sentencesIn(source: string): string[] {
  const found = [...source.matchAll(new RegExp(JOINED, "g"))].map(one => joined(one[0]));
  return [...new Set(found)]
    .filter(text => /^[A-Z{].{15,}\.$/.test(text))
    .map(text => withSevens(text.replace("{extra}", "")));
}

/** Phrases that the rules' sources put into `because`, `unless` and `gaps`, with 7 for every number or name. */
function phrases(): string[] {
  const found: string[] = [];
  for (const source of SOURCES) {
    const constants = new Map([...source.matchAll(/^(_[A-Z]+): Final = "([^"]+)"/gm)].map(one => [one[1], one[2]]));
    for (const one of source.matchAll(/explain\.(?:known|at_least)\(\s*f?(?:"([^"]*)"|(_[A-Z]+))/g))
      found.push(one[1] ?? constants.get(one[2]) ?? "");
    for (const block of source.matchAll(/(?:unless|gaps)=\(([\s\S]*?)\),\n/g))
      for (const one of (block[1] ?? "").matchAll(/f?"([^"]+)"/g)) found.push(one[1] ?? "");
    for (const one of source.matchAll(/said\.append\(f?"([^"]+)"\)/g)) found.push(one[1] ?? "");
    for (const one of source.matchAll(/return \(f?"([^"]+)",\)/g)) found.push(one[1] ?? "");
    for (const one of source.matchAll(/^_(?:NOT_KNOWN|CAME_LATE): Final = \(?"([^"]+)"/gm)) found.push(one[1] ?? "");
  }
  return [...new Set(found)]
    .map(text =>
      text
        .replace("({nearest})", "(nearest: 7 m, 7)")
        .replace(/\{sensor\}/, "bed")
        .replace(/\{health\}/, "open"),
    )
    .map(withSevens);
}

/** What `streams/filling.py` says about why a bin is due or is not. */
function reasons(): string[] {
  const source = readFileSync(resolve(ROOT, "streams/filling.py"), "utf8");
  const body = source.split("def _why(")[1]?.split("\ndef ")[0] ?? "";
  const found = [...body.matchAll(/(?<=return |else )f?"([^"]+)"/g)].map(one => one[1] ?? "");
  return found.map(withSevens);
}

/** What evidence says it does not have. */
function missing(): string[] {
  const source = readFileSync(resolve(ROOT, "services/evidence/document.py"), "utf8");
  const said = [...source.matchAll(/\byield f"([^"]+)"/g)];
  const taken = readFileSync(resolve(ROOT, "services/store/retention.py"), "utf8");
  return [...said, ...taken.matchAll(/f"((?:the|\{rows\}) fixes [^"]+)"/g)].map(one => withSevens(one[1] ?? ""));
}

/** What may be found wrong with evidence. */
function altered(): string[] {
  const files = ["services/seal.py", "services/store/evidence.py"];
  const sources = files.map(file => readFileSync(resolve(ROOT, file), "utf8"));
  return sources.flatMap(source => [...source.matchAll(/\byield f"([^"]+)"/g)].map(one => withSevens(one[1] ?? "")));
}

/** Why the rules withdraw an alert. */
function withdrawals(): string[] {
  const found = SOURCES.flatMap(source => [...source.matchAll(/\breason ?= ?f?"([^"]+)"/g)]);
  return found.map(one => withSevens(one[1] ?? ""));
}

/** Why the planner itself leaves something out. */
function rests(): string[] {
  const calls = pythonIn("services/planner").flatMap(source => [
    ...source.matchAll(new RegExp(`left_out\\(\\s*\\w+,\\s*"\\w+",\\s*(${JOINED.source})`, "g")),
  ]);
  return calls.map(one => withSevens(joined(one[1] ?? "")));
}

/** What `optimizer/check.py` says of a plan; `say` puts the truck before it. */
function verdicts(): string[] {
  const source = optimiser("check.py");
  const said = [...source.matchAll(new RegExp(`\\.say\\(\\s*(${JOINED.source})`, "g"))];
  return [...said.map(one => `Truck 7 ${withSevens(joined(one[1] ?? ""))}.`), ...sentencesIn(source)].filter(
    text => text !== "Truck 7 7.",
  );
}

describe("the phrases of the rules", () => {
  test("are found in the rules' sources: the search itself works", () => {
    expect(phrases()).toContain("bed raised for at least 7 s");
    expect(phrases()).toContain("the cover closed");
    expect(phrases().length).toBeGreaterThan(20);
    expect(reasons()).toContain("forecast corrected");
    expect(sentencesIn(optimiser("explain.py")).length).toBeGreaterThan(20);
    expect(sentencesIn(pricing())).toContain("7 has gone home.");
    expect(verdicts()).toContain("Truck 7 takes break 7 twice.");
    expect(verdicts().length).toBeGreaterThan(45);
    expect(withdrawals()).toHaveLength(6);
    expect(missing()).toHaveLength(6);
    expect(altered()).toHaveLength(7);
    expect(rests()).toHaveLength(2);
  });

  test.each(phrases())("“%s” is known in Chinese", text => {
    const chinese = inChinese(text);
    expect(chinese).toMatch(/[\u4e00-\u9fff]/);
    expect(chinese).not.toMatch(/undefined/);
  });

  test.each(reasons())("of a bin that is due, “%s”, are known too", text => {
    expect(inChinese(text)).toMatch(/[\u4e00-\u9fff]/);
  });

  test.each([
    ...missing(),
    ...altered(),
    ...withdrawals(),
    ...rests(),
    ...sentencesIn(optimiser("moves.py")),
    ...sentencesIn(pricing()),
    ...sentencesIn(optimiser("explain.py")),
    ...verdicts(),
  ])("of what was withdrawn, left out or stopped, “%s”, are known too", text => {
    const chinese = inChinese(text);
    expect(chinese).toMatch(/[\u4e00-\u9fff]/);
    expect(chinese).not.toMatch(/undefined/);
  });

  test("keep their numbers and names", () => {
    expect(inChinese("bed raised for at least 20 s")).toBe("车厢举升至少 20 秒");
    expect(inChinese("cover sensor: missing")).toBe("篷盖传感器：未安装");
    expect(inChinese("Truck t1 begins collect b2 at 07:10, allowed: 08:00-09:00.")).toBe(
      "车辆 t1 在 07:10 开始“收运 b2”，允许时间：08:00-09:00。",
    );
    expect(inChinese("Truck t1 leaves tip f1 with 0 kg and 0 l, the plan says 5 and 6.")).toBe(
      "车辆 t1 离开“卸料 f1”时有 0 千克、0 升，计划写的是 5 和 6。",
    );
  });

  test("may be several in one text", () => {
    const said = "Truck t1 begins collect b2 at 07:10, allowed: never. There is no truck t2.";
    expect(inChinese(said)).toBe("车辆 t1 在 07:10 开始“收运 b2”，允许时间：无。没有车辆 t2。");
  });

  test("that nobody has translated stay English", () => {
    expect(inChinese("a phrase of tomorrow")).toBeNull();
    expect(inChinese("There is no truck t2. A sentence of tomorrow.")).toBeNull();
  });
});
