/** Why the gateway said no, in the language of the page: words for its `code`, not the sentence it wrote for programs. */

import type { ProblemBody } from "../http.ts";
import { language, words } from "../words/index.ts";

export function problemText(problem: ProblemBody): string {
  const w = words.value;
  const known: Record<string, string> = w.problem;
  const { code = "", errors = [] } = problem;
  if (!Object.hasOwn(known, code)) return w.failed.refused(problem.detail ?? problem.title ?? w.app.unknown);
  // the members are the contract's names; what was expected of them is said in English only
  const members = errors.map(one => (language.value === "en" ? `${one.pointer}: ${one.detail}` : one.pointer));
  return [known[code], ...members].join(" ");
}
