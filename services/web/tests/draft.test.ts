import { afterEach, describe, expect, test } from "vitest";
import type { DraftedMove, Offer, Price, PriceAnswer } from "../src/contract.ts";
import { actionsOf, isAbout, isOld, ranked, refused, waitsFor, withMove, without } from "../src/domain/draft.ts";
import { kilometres, minutes, priceText, ruleText } from "../src/say/prices.ts";
import { signed } from "../src/words/format.ts";
import { language } from "../src/words/index.ts";

const price = (cost: number): Price => ({ distance_m: 1_240, duration_s: 250, overtime_s: 0, overflow_s: -730, cost });
const rule = (code: string) => ({ stop_id: "b1", code, reason: "t3 has gone home." });
const drafted = (stop_id: string, truck_id: string, more: Partial<DraftedMove> = {}): DraftedMove => ({
  stop_id,
  truck_id,
  from_truck_id: null,
  at_ms: null,
  rule: null,
  resting: null,
  after: null,
  ...more,
});
const answer = (...moves: DraftedMove[]): PriceAnswer => ({
  made_ms: 1,
  plan_versions: { t1: 3, t2: 5 },
  gone: [],
  price: price(0),
  moves,
  asked: [],
  offers: [],
  shared: [],
  shared_price: null,
  left: [],
});

afterEach(() => {
  language.value = "en";
});

describe("a draft", () => {
  test("gives a stop to one truck: the last one chosen", () => {
    const moves = withMove(withMove([{ stop_id: "b1", truck_id: "t1" }], { stop_id: "b2", truck_id: "t1" }), {
      stop_id: "b1",
      truck_id: "t2",
    });
    expect(moves).toEqual([
      { stop_id: "b2", truck_id: "t1" },
      { stop_id: "b1", truck_id: "t2" },
    ]);
    expect(without(moves, "b2")).toEqual([{ stop_id: "b1", truck_id: "t2" }]);
  });

  test("is sent only with a price that is about all of it, of now, and has no rule against it", () => {
    const moves = [{ stop_id: "b1", truck_id: "t2" }];
    const at = (t1: number) => (truck_id: string) => (truck_id === "t1" ? t1 : 5);
    expect(waitsFor(answer(drafted("b1", "t2")), moves, at(3))).toBeNull();
    expect(waitsFor(null, moves, at(3))).toBe("price");
    expect(waitsFor(answer(drafted("b1", "t3")), moves, at(3))).toBe("price");
    expect(waitsFor(answer(drafted("b1", "t2"), drafted("b2", "t2")), moves, at(3))).toBe("price");
    expect(waitsFor(answer(drafted("b1", "t2")), moves, at(4))).toBe("plans");
    expect(waitsFor(answer(drafted("b1", "t2", { rule: rule("shift") })), moves, at(3))).toBe("rule");
    expect(waitsFor(answer(), [], at(3))).toBe("price");
  });

  test("knows a price of the past by the plans' versions; a plan the page has not heard of yet is none", () => {
    expect(isOld(answer(), () => undefined)).toBe(false);
    expect(isOld(answer(), truck_id => (truck_id === "t2" ? 6 : 3))).toBe(true);
  });

  test("of which a stop is gone is priced all the same", () => {
    const told = { ...answer(drafted("b1", "t2")), gone: ["b9"] };
    const moves = [
      { stop_id: "b1", truck_id: "t2" },
      { stop_id: "b9", truck_id: "t2" },
    ];
    expect(isAbout(told, moves)).toBe(true);
    expect(refused(told)).toEqual([]);
  });

  test("becomes locks that end with the shift; what was left out is taken in first", () => {
    const resting = { code: "excluded", reason: "…", subject_id: "b1", after: "a7" };
    expect(actionsOf(answer(drafted("b1", "t2", { resting, after: "a7" }), drafted("o1/2", "t1")), () => 99)).toEqual([
      { subject_id: "b1", kind: "include", after: "a7" },
      { subject_id: "b1", kind: "lock", truck_id: "t2", until_ms: 99, after: "a7" },
      { subject_id: "o1/2", kind: "lock", truck_id: "t1", until_ms: 99, after: null },
    ]);
  });
});

describe("the trucks a stop could go to", () => {
  test("stand by what they cost; those that cannot come last", () => {
    const offer = (truck_id: string, cost: number | null, code?: string): Offer => ({
      truck_id,
      at_ms: null,
      price: cost === null ? null : price(cost),
      rule: code ? rule(code) : null,
    });
    const offers = [
      offer("t5", null, "no_vehicle"),
      offer("t4", 5, "shift"),
      offer("t3", 900),
      offer("t2", -10),
      offer("t1", 900),
    ];
    expect(ranked(offers).map(one => one.truck_id)).toEqual(["t2", "t1", "t3", "t4", "t5"]);
  });
});

describe("a price in words", () => {
  test("has its sign, a real minus, and none for nothing", () => {
    expect([signed(1.25, 1), signed(-0.04, 1), signed(-12), signed(null)]).toEqual(["+1.3", "0.0", "−12", "–"]);
    expect(kilometres(price(0))).toBe("+1.2 km");
    expect(minutes(-730)).toBe("−12 min");
    expect(priceText(price(0))).toBe("+1.2 km · +4 min · overflow −12 min");
    expect(priceText({ ...price(0), overtime_s: 600 })).toBe("+1.2 km · +4 min · overtime +10 min · overflow −12 min");
    language.value = "zh";
    expect(priceText(price(0))).not.toMatch(/[a-z]{3}/i);
  });

  test("names the rule in the way and its numbers, in the page's language", () => {
    expect(ruleText(rule("no_vehicle"))).toEqual({
      name: null,
      sentence: { text: "t3 has gone home.", lang: undefined },
    });
    language.value = "zh";
    expect(ruleText(rule("shift")).sentence.text).toBe("t3 已收车。");
    expect(ruleText(rule("shift")).name).toMatch(/[\u4e00-\u9fff]/);
  });
});
