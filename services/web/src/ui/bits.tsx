/** The small displays every page uses. Text goes through Preact, so names from outside are always only text. */

import type { ComponentChildren } from "preact";
import { percent } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";

const KNOWN = new Set(["kitchen", "construction", "recyclable", "residual"]);

/** The mark of a kind of waste: colour, shape and letter. */
export function MaterialMark({ of }: { of: string | null | undefined }) {
  const known = of && KNOWN.has(of) ? of : "";
  const name = wordFor(words.value.material, of);
  const letter = known ? wordFor(words.value.materialLetter, known) : "?";
  return (
    <span class={`material ${known}`} role="img" aria-label={name} title={name}>
      {letter}
    </span>
  );
}

/** A filled bar; hatched when the value is not known. */
export function Bar({ value, label }: { value: number | null | undefined; label: string }) {
  if (value === null || value === undefined)
    return <span class="bar unknown" role="img" aria-label={`${label}: ${words.value.app.unknown}`} />;
  const level = value >= 0.95 ? "full" : value >= 0.8 ? "warn" : "";
  return (
    <span class={`bar ${level}`} role="img" aria-label={`${label}: ${percent(value)}`}>
      <i style={{ width: `${Math.min(100, Math.max(0, value * 100))}%` }} />
    </span>
  );
}

export function Tag({ kind = "", children, title }: { kind?: string; children: ComponentChildren; title?: string }) {
  return (
    <span class={`tag ${kind}`} {...(title ? { title } : {})}>
      {children}
    </span>
  );
}

/** A name from outside, kept apart from the direction of the text around it. */
export function Name({ children }: { children: ComponentChildren }) {
  return <bdi>{children}</bdi>;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="note">{children}</p>;
}
