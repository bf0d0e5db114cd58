import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { changeText, planReason, readable, whyText, withDays } from "../src/say/plans.ts";
import { problemText } from "../src/say/problems.ts";
import { en } from "../src/words/en.ts";
import { timeZone } from "../src/words/format.ts";
import { language, preferred, wordFor } from "../src/words/index.ts";
import { zh } from "../src/words/zh.ts";

const EVENTS = readFileSync(resolve(import.meta.dirname, "../../../streams/events.py"), "utf8");
const names = { truck: (id: string) => `plate of ${id}`, place: (id: string) => `name of ${id}` };

function* leaves(table: object, path = ""): Generator<[path: string, word: unknown]> {
  for (const [key, word] of Object.entries(table)) {
    if (typeof word === "object" && word !== null) yield* leaves(word, `${path}/${key}`);
    else yield [`${path}/${key}`, word];
  }
}

/** The words of a Python literal list such as `RuleName = Literal[...]`. */
function listed(name: string): string[] {
  const body = EVENTS.split(new RegExp(`^${name}\\b[^\\n]*[\\[(]$`, "m"))[1]?.split(/^[\])]/m)[0] ?? "";
  return [...body.matchAll(/"([^"]+)"/g)].map(found => found[1] ?? "");
}

/** Every file in a folder and below, with its text. */
function filesIn(folder: string): [name: string, text: string][] {
  const root = resolve(import.meta.dirname, folder);
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(one => one.isFile());
  return files.map(one => [one.name, readFileSync(resolve(one.parentPath, one.name), "utf8")]);
}

const STEPS = String.raw`((?:\s*\.\w+)*)`;
const READING = new RegExp(
  String.raw`const (?<name>\w+) = (?<of>\w+)${STEPS};|const \{(?<parts>[^}]*)\} = (?<from>\w+)${STEPS};|(?<![.\w])(?<used>\w+)${STEPS}`,
  "g",
);

/**
 * The words and whole tables of words that a source reads, as paths "/app/name". `const w = words.value.app;` is no use by
 * itself: it holds for what follows, until another is called `w`.
 */
function usesOf(source: string): string[] {
  const names = new Map([["WORDS", ""]]);
  const uses: string[] = [];
  for (const found of source.replaceAll(/\bwords\s*\.value\b/g, "WORDS").matchAll(READING)) {
    const { name, of, parts, from, used } = found.groups ?? {};
    const table = names.get(of ?? from ?? used ?? "");
    const path = `${table}${(found[3] ?? found[6] ?? found[8] ?? "").replaceAll(/\s/g, "").replaceAll(".", "/")}`;
    const called = name ? [name] : (parts?.split(",").map(part => part.trim()) ?? []);
    if (!called.length && table !== undefined) uses.push(path);
    for (const one of called) {
      if (table === undefined) names.delete(one);
      else names.set(one, name ? path : `${path}/${one}`);
    }
  }
  return uses;
}

afterEach(() => {
  language.value = "en";
  timeZone.value = "UTC";
});

describe("the words", () => {
  test("are there in both languages, none empty, and the Chinese ones are Chinese", () => {
    const english = new Map(leaves(en));
    const chinese = new Map(leaves(zh));
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [path, word] of [...english, ...chinese]) expect(word, path).not.toBe("");
    // only signs and names of languages may be without a Chinese letter
    const foreign = [...chinese].filter(([, word]) => typeof word === "string" && !/[\u4e00-\u9fff]/.test(word));
    expect(foreign.map(([path]) => path)).toEqual(["/app/language", "/app/languageLabel", "/desk/truck/of"]);
  });

  test("name every rule, every reason of a plan, every action and skip reason of the contract", () => {
    expect(listed("RuleName").length).toBeGreaterThan(15);
    expect(Object.keys(en.rule).sort()).toEqual(listed("RuleName").sort());
    expect(Object.keys(en.ruleSentence).sort()).toEqual(listed("RuleName").sort());
    expect(Object.keys(en.planReason).sort()).toEqual(listed("PLAN_REASONS: Final").sort());
    expect(Object.keys(en.cab.action).sort()).toEqual(listed("ActionKind").sort());
  });

  test("say every problem the gateway may answer with, and no other", () => {
    const sources = filesIn("../../gateway").filter(([name]) => name.endsWith(".py"));
    const codes = sources.flatMap(([, text]) => [...text.matchAll(/\bProblem\(\s*\d{3},\s*"(\w+)"/g)]);
    expect(Object.keys(en.problem).sort()).toEqual([...new Set(codes.map(one => one[1]))].sort());
  });

  test("of a problem are the page's: by its code, with the members it is about", () => {
    const problem = { code: "not_usable", detail: "…", errors: [{ pointer: "/kg", detail: "Input should be less" }] };
    expect(problemText(problem)).toBe(`${en.problem.not_usable} /kg: Input should be less`);
    expect(problemText({ detail: "Something of tomorrow." })).toBe("Refused: Something of tomorrow.");
    language.value = "zh";
    expect(problemText(problem)).toBe(`${zh.problem.not_usable} /kg`);
    expect(problemText({ code: "order_final", detail: "The order is collected already." })).not.toMatch(/[a-z]/i);
  });

  test("are all used by some page", () => {
    const used = new Set(filesIn("../src").flatMap(([, text]) => usesOf(text)));
    // a word is used by itself, or with a table it stands in; "" is all tables, which says nothing of any
    const prefixes = (path: string) =>
      path
        .split("/")
        .map((_, at, steps) => steps.slice(0, at + 1).join("/"))
        .slice(1);
    const unused = [...leaves(en)].map(([path]) => path).filter(path => !prefixes(path).some(one => used.has(one)));
    expect(unused).toEqual([]);
  });

  test("show an unknown code as it came and nothing as unknown", () => {
    expect(wordFor(en.rule, "new-rule")).toBe("new-rule");
    expect(wordFor(en.rule, "toString")).toBe("toString");
    expect(wordFor(en.rule, null)).toBe("unknown");
  });

  test("follow the first language of the browser that we speak", () => {
    expect(preferred(["pt-PT", "zh-TW", "en"])).toBe("zh");
    expect(preferred(["pt-PT", "en-US", "zh-CN"])).toBe("en");
    expect(preferred(["pt-PT"])).toBe("en");
  });
});

describe("why a plan was made", () => {
  test("is a sentence in both languages with names and times, not ids and numbers", () => {
    timeZone.value = "Europe/Lisbon";
    const plan = {
      reason: "overflow_earlier",
      reason_params: { stop_id: "b17", name: "Rua do Almada 17", overflow_ms: Date.UTC(2026, 6, 1, 13, 10) },
    };
    expect(planReason(plan, names)).toBe("Rua do Almada 17 overflows earlier, at 14:10");
    language.value = "zh";
    expect(planReason(plan, names)).toBe("Rua do Almada 17将提前满溢（14:10）");
  });

  test("uses names for ids of trucks and sites", () => {
    expect(planReason({ reason: "breakdown", reason_params: { truck_id: "t4" } }, names)).toBe(
      "plate of t4 broke down",
    );
    expect(readable({ facility_id: "f-1" }, names).facility).toBe("name of f-1");
  });

  test("is said for every reason without any parameter, in both languages", () => {
    for (const which of ["en", "zh"] as const) {
      language.value = which;
      for (const reason of listed("PLAN_REASONS: Final"))
        expect(planReason({ reason, reason_params: {} }, names)).not.toMatch(/undefined|null/);
    }
  });

  test("understands the planner's codes at a stop and shows other text as it came", () => {
    expect(whyText(`overflow:${Date.UTC(2026, 0, 1, 8, 5)}`, names)).toBe("overflows 08:05");
    expect(whyText("fill:0.83", names)).toBe("83 % full");
    expect(whyText("by hand", names)).toBe("by hand");
    expect(whyText(null, names)).toBe("");
  });

  test("says a time past midnight as a time of a later day", () => {
    const said = "It may begin at 30:05; t35 would have to be there by 11:56.";
    expect(withDays(said)).toBe("It may begin at 06:05 the next day; t35 would have to be there by 11:56.");
    expect(withDays("Trucks are let in 00:00-24:00.")).toBe("Trucks are let in 00:00-24:00.");
    language.value = "zh";
    expect(withDays("最早 54:00 可以开始")).toBe("最早 2 天后 06:00 可以开始");
  });

  test("says where an added stop comes from", () => {
    const change = { what: "added", stop_id: "b1", name: "Cedofeita 1", from_truck_id: "t4" } as const;
    expect(changeText(change, names)).toBe("Cedofeita 1 comes from plate of t4");
  });
});
