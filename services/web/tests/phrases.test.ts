import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { inChinese } from "../src/say/phrases.ts";

const RULES = resolve(import.meta.dirname, "../../../streams/rules");
const SOURCES = readdirSync(RULES)
  .filter(name => name.endsWith(".py"))
  .map(name => readFileSync(resolve(RULES, name), "utf8"));

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
  }
  return [...new Set(found)].map(text =>
    text
      .replace("({nearest})", "(nearest: 7 m, 7)")
      .replace(/\{sensor\}/, "bed")
      .replace(/\{health\}/, "open")
      .replace(/\{[^}]*\}/g, "7"),
  );
}

/** What `streams/filling.py` says about why a bin is due or is not. */
function reasons(): string[] {
  const source = readFileSync(resolve(RULES, "../filling.py"), "utf8");
  const body = source.split("def _why(")[1]?.split("\ndef ")[0] ?? "";
  const found = [...body.matchAll(/(?<=return |else )f?"([^"]+)"/g)].map(one => one[1] ?? "");
  return found.map(text => text.replace(/\{[^}]*\}/g, "7"));
}

/** The sentences of `optimizer/explain.py`: neighbouring literals joined, 7 for every number or name. */
function sentences(): string[] {
  const source = readFileSync(resolve(RULES, "../../optimizer/explain.py"), "utf8").replace(/"""[\s\S]*?"""/g, "");
  const joined = [...source.matchAll(/(?:f?"(?:[^"\\\n]|\\.)*"\s*)+/g)].map(one =>
    [...one[0].matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map(piece => piece[1]).join(""),
  );
  return [...new Set(joined)]
    .filter(text => /^[A-Z{].{15,}\.$/.test(text))
    .map(text => text.replace("{extra}", "").replace(/\{[^}]*\}/g, "7"));
}

describe("the phrases of the rules", () => {
  test("are found in the rules' sources: the search itself works", () => {
    expect(phrases()).toContain("bed raised for at least 7 s");
    expect(phrases()).toContain("the cover closed");
    expect(phrases().length).toBeGreaterThan(20);
    expect(reasons()).toContain("forecast corrected");
    expect(sentences().length).toBeGreaterThan(20);
  });

  test.each(phrases())("“%s” is known in Chinese", text => {
    const chinese = inChinese(text);
    expect(chinese).toMatch(/[\u4e00-\u9fff]/);
    expect(chinese).not.toMatch(/undefined/);
  });

  test.each(reasons())("of a bin that is due, “%s”, are known too", text => {
    expect(inChinese(text)).toMatch(/[\u4e00-\u9fff]/);
  });

  test.each(sentences())("of what was left out, “%s”, are known too", text => {
    const chinese = inChinese(text);
    expect(chinese).toMatch(/[\u4e00-\u9fff]/);
    expect(chinese).not.toMatch(/undefined/);
  });

  test("keep their numbers and names", () => {
    expect(inChinese("bed raised for at least 20 s")).toBe("车厢举升至少 20 秒");
    expect(inChinese("cover sensor: missing")).toBe("篷盖传感器：未安装");
  });

  test("that nobody has translated stay English", () => {
    expect(inChinese("a phrase of tomorrow")).toBeNull();
  });
});
