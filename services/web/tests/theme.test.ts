import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";

const TOKENS = readFileSync(resolve(import.meta.dirname, "../src/styles/tokens.css"), "utf8");

/** The colours of a theme, by the names of its tokens; what it does not say is the day's. */
function colours(theme: string): Record<string, string> {
  const block = (selector: string) => TOKENS.split(`${selector} {`)[1]?.split("}")[0] ?? "";
  const both = [block(":root"), block(`:root[data-theme="${theme}"]`)].join("\n");
  return Object.fromEntries([...both.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));
}

/** WCAG 2: relative luminance, and the contrast of two colours. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [bright = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (bright + 0.05) / (dark + 0.05);
}

describe("the themes", () => {
  test("in sunlight every text is black or nearly so on white, 7 to 1 at least", () => {
    const sun = colours("sun");
    for (const name of ["ink", "ink-soft", "accent", "critical", "high", "medium", "low", "good"])
      for (const ground of ["surface", "raised", "sunken", "page"])
        expect(contrast(sun[name] ?? "", sun[ground] ?? ""), `${name} on ${ground}`).toBeGreaterThanOrEqual(7);
    for (const name of ["critical", "high", "medium", "low", "good"])
      expect(contrast(sun[name] ?? "", sun[`${name}-soft`] ?? ""), name).toBeGreaterThanOrEqual(7);
    expect(contrast(sun["accent-ink"] ?? "", sun.accent ?? "")).toBeGreaterThanOrEqual(7);
    expect(contrast(sun.ink ?? "", sun["accent-soft"] ?? "")).toBeGreaterThanOrEqual(7);
    expect(contrast("#ffffff", "#a50f26"), "SOS").toBeGreaterThanOrEqual(7);
  });

  test("by day and night text on every ground is 4.5 to 1 at least", () => {
    for (const theme of ["day", "night"]) {
      const set = colours(theme);
      for (const name of ["ink", "ink-soft"])
        for (const ground of ["surface", "raised", "sunken"])
          expect(contrast(set[name] ?? "", set[ground] ?? ""), `${theme}: ${name} on ${ground}`).toBeGreaterThan(4.5);
    }
  });
});
