/** By when the next step of a report should be there, loud when it is not. */

import { now } from "../clock.ts";
import { Tag } from "../ui/bits.tsx";
import { nearTime, span } from "../words/format.ts";
import { words } from "../words/index.ts";
import type { CitizenReport } from "./report.ts";

export function Due({ report }: { report: CitizenReport }) {
  const w = words.value.intake;
  const due_ms = report.next_due_ms;
  if (due_ms === null) return null;
  return now.value > due_ms ? (
    <Tag kind="high">▲ {w.overdue(span(now.value - due_ms))}</Tag>
  ) : (
    <Tag>{w.due(nearTime(due_ms, now.value))}</Tag>
  );
}
