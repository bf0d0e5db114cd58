/** The two countdowns of an alert: to acknowledge, and to settle it. Nothing is drawn where nothing is due. */

import { now } from "../clock.ts";
import type { Alert } from "../contract.ts";
import { dueOf } from "../domain/deadlines.ts";
import { session } from "../session.ts";
import { Tag } from "../ui/bits.tsx";
import { nearTime, span } from "../words/format.ts";
import { words } from "../words/index.ts";

/** Less than this is left: it is said louder. */
const SOON_MS = 5 * 60_000;

export function Countdowns({ alert }: { alert: Alert }) {
  const w = words.value.enf;
  const { ack_ms, settle_ms } = dueOf(alert, session.value?.deadlines);
  return (
    <>
      <Countdown at_ms={ack_ms} left={w.ackLeft} late={w.ackLate} />
      <Countdown at_ms={settle_ms} left={w.settleLeft} late={w.settleLate} />
    </>
  );
}

interface Props {
  at_ms: number | null;
  left: (span: string) => string;
  late: (span: string) => string;
}

function Countdown({ at_ms, left, late }: Props) {
  if (at_ms === null) return null;
  const left_ms = at_ms - now.value;
  const over = left_ms <= 0;
  const kind = over ? "critical" : left_ms < SOON_MS ? "high" : "";
  return (
    <Tag kind={kind} title={nearTime(at_ms, now.value)}>
      {over && <span aria-hidden="true">!</span>} {over ? late(span(-left_ms)) : left(span(left_ms))}
    </Tag>
  );
}
