/** Where a page's events come from: the browser's shared worker where there is one, else a connection of its own. */

import type { User } from "../contract.ts";
import { Connection, type Source } from "./connection.ts";
import { SharedSource } from "./shared.ts";
import workerUrl from "./shared_worker.ts?worker&url";
import { LIVE_PATH } from "./stream.ts";

/** The stream of a person: the gateway gives it to nobody else, whoever logs in meanwhile in the same browser. */
export function liveUrl(user: User): string {
  return `${LIVE_PATH}?user=${encodeURIComponent(user.user_id)}`;
}

/** `alone`: a phone has one page, and its browser rarely a shared worker. */
export function sourceFor(user: User, alone: boolean): Source {
  const url = liveUrl(user);
  if (alone || typeof SharedWorker === "undefined") return new Connection(url);
  try {
    // what somebody may see is part of the name: who changes role or district gets another worker
    const name = ["live", user.user_id, user.role, user.district_id].join(" ");
    const worker = new SharedWorker(workerUrl, { type: "module", name });
    const source = new SharedSource(worker.port, url);
    worker.onerror = () => source.goAlone();
    addEventListener("pagehide", () => source.leave());
    addEventListener("pageshow", event => {
      if ((event as PageTransitionEvent).persisted) source.comeBack();
    });
    return source;
  } catch {
    return new Connection(url);
  }
}
