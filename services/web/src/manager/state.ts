/** Which period is shown, what it is compared with, which records are open: all of it in the address. */

import { batch, computed, effect, signal } from "@preact/signals";
import { now } from "../clock.ts";
import { ask } from "../http.ts";
import { inAddress } from "../ui/address.ts";
import { failureText } from "../ui/command.tsx";
import { timeZone } from "../words/format.ts";
import type { Answer, FigureName, FigureRecord, Figures } from "./figures.ts";
import { type Compare, comparedWith, dateOf, type Period, type PeriodKind, periodOf } from "./periods.ts";

export const kind = inAddress<PeriodKind>("period", "day");
/** "" = today. */
export const date = inAddress<string>("date", "");
export const compare = inAddress<Compare>("compare", "before");
export const figure = inAddress<FigureName | "">("figure", "");
export const rule = inAddress<string>("rule", "");
export const contractor = inAddress<string>("contractor", "all");
export const answer = inAddress<Answer | "">("answer", "");

export const today = computed(() => (now.value ? dateOf(now.value, timeZone.value) : ""));
/** What an address says that is no date is today. */
export const shownDate = computed(() => (periodOf("day", date.value, timeZone.value) ? date.value : today.value));
export const period = computed(() => periodOf(kind.value, shownDate.value, timeZone.value));

export const found = signal<Figures | null>(null);
export const before = signal<Figures | null>(null);
export const records = signal<{ records: FigureRecord[]; more: boolean } | null>(null);
export const failure = signal("");
export const recordsFailure = signal("");

const query = (of: Period) => `from_ms=${of.from_ms}&to_ms=${of.to_ms}`;
let asked = 0;
let askedRecords = 0;

/** Count again. Answers to questions that are no longer asked are dropped. */
export async function refresh(): Promise<void> {
  const [shown, other] = [
    period.peek(),
    comparedWith(kind.peek(), shownDate.peek(), compare.peek(), now.peek(), timeZone.peek()),
  ];
  const mine = ++asked;
  if (!shown) return;
  try {
    const [first, second] = await Promise.all(
      [shown, other].map(one => (one ? ask<Figures>("GET", `/api/v1/figures?${query(one)}`) : null)),
    );
    if (mine !== asked) return;
    found.value = first ?? null;
    before.value = second ?? null;
    failure.value = "";
  } catch (problem) {
    if (mine === asked) failure.value = failureText(problem);
  }
}

async function readRecords(): Promise<void> {
  const [shown, of] = [period.peek(), figure.peek()];
  const mine = ++askedRecords;
  records.value = null;
  recordsFailure.value = "";
  if (!shown || !of) return;
  const wanted = new URLSearchParams({ figure: of, ...(rule.peek() ? { rule: rule.peek() } : {}) });
  if (of === "violations" && contractor.peek() !== "all") wanted.set("contractor_id", contractor.peek());
  if (answer.peek()) wanted.set("answer", answer.peek());
  const asks = `${query(shown)}&${wanted}`;
  try {
    const answered = await ask<{ records: FigureRecord[]; more: boolean }>("GET", `/api/v1/figures/records?${asks}`);
    if (mine === askedRecords) records.value = answered;
  } catch (problem) {
    if (mine === askedRecords) recordsFailure.value = failureText(problem);
  }
}

/** Show the records of a figure, or of a part of it. */
export function open(of: FigureName, part: { rule?: string; contractor?: string; answer?: Answer } = {}): void {
  batch(() => {
    rule.value = part.rule ?? "";
    contractor.value = part.contractor ?? "all";
    answer.value = part.answer ?? "";
    figure.value = of;
  });
}

const EVERY_MS = 60_000;

export function keepFresh(): () => void {
  const ends = [
    effect(() => {
      period.value;
      compare.value;
      found.value = null;
      before.value = null;
      void refresh();
    }),
    effect(() => {
      period.value;
      figure.value;
      rule.value;
      contractor.value;
      answer.value;
      void readRecords();
    }),
  ];
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void refresh();
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    for (const end of ends) end();
  };
}
