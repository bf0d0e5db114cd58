import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../src");
const views = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(name => name.endsWith(".tsx"));
const sources = views.map(name => [name, readFileSync(resolve(root, name), "utf8")] as const);

describe("what lies above a page", () => {
  test("is the browser's own dialog, which keeps the focus in: saying that it is one keeps nothing", () => {
    expect(sources.filter(([, text]) => /aria-modal|role="dialog"/.test(text)).map(([name]) => name)).toEqual([]);
    const shown = sources.filter(([, text]) => text.includes("<dialog"));
    expect(shown.map(([name]) => name)).toContain("driver/cab.tsx");
    for (const [name, text] of shown) expect(text, name).toContain(".showModal()");
  });
});
