import { describe, expect, test } from "vitest";
import { MOST_VIEWS, readViews, viewQuery, withoutView, withView } from "../src/domain/views.ts";
import { deedOf } from "../src/ui/keys.ts";

const view = (name: string, query = "list=due") => ({ name, query, pinned: false });

describe("a named view", () => {
  test("is an address without what is chosen at the moment, the same however it was reached", () => {
    expect(viewQuery("?truck=t1&show=unplanned&list=due&place=b1&print=all")).toBe("list=due&show=unplanned");
    expect(viewQuery("?list=due&show=unplanned")).toBe(viewQuery("?show=unplanned&list=due"));
  });

  test("replaces the one of its name where that stands; without a name it is none", () => {
    const two = withView(withView([], view("a")), view("b"));
    expect(withView(two, view(" a ", "list=left")).map(one => [one.name, one.query])).toEqual([
      ["a", "list=left"],
      ["b", "list=due"],
    ]);
    expect(withView(two, view("  "))).toEqual(two);
    expect(withoutView(two, "a")).toEqual([view("b")]);
  });

  test("survives the storage; what is there and no view is passed over", () => {
    expect(readViews(JSON.stringify([view("a"), { name: 1 }, null, "x"]))).toEqual([view("a")]);
    for (const text of [null, "", "{", "{}", "7"]) expect(readViews(text)).toEqual([]);
    const many = Array.from({ length: 90 }, (_, at) => view(`v${at}`));
    expect(readViews(JSON.stringify(many))).toHaveLength(MOST_VIEWS);
  });
});

const KEYS = { search: "/", next: "j", previous: "k", follow: "f", help: "?" };

test("a single key is a deed, but not with a modifier, in a Chinese word, or when somebody has taken it", () => {
  const pressed = (key: string, more = {}) =>
    deedOf(KEYS, {
      key,
      ctrlKey: false,
      metaKey: false,
      altKey: false,
      isComposing: false,
      defaultPrevented: false,
      ...more,
    });
  expect(["/", "j", "k", "f", "?"].map(key => pressed(key))).toEqual(["search", "next", "previous", "follow", "help"]);
  expect(pressed("x")).toBeNull();
  for (const more of ["ctrlKey", "metaKey", "altKey", "isComposing", "defaultPrevented"])
    expect(pressed("f", { [more]: true })).toBeNull();
});
