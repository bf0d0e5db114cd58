/** Who is signed in, and which page is theirs. */

import { signal } from "@preact/signals";
import { inPast, setClock } from "./clock.ts";
import type { Role, Session } from "./contract.ts";
import { ask, Refused } from "./http.ts";
import { timeZone } from "./words/format.ts";

export type Face = "dispatch" | "driver" | "enforcement" | "intake" | "manager";

/** The first page of a role, and the others it may look at. */
export const FACES: Record<Role, readonly Face[]> = {
  dispatcher: ["dispatch", "enforcement", "intake"],
  driver: ["driver"],
  officer: ["enforcement", "intake"],
  manager: ["manager", "dispatch", "enforcement", "intake"],
  administrator: ["dispatch", "enforcement", "intake", "manager"],
};

export const session = signal<Session | null>(null);

/** Go on as somebody known from before, while the gateway does not answer. */
export function resume(found: Session): Session {
  timeZone.value = found.city.time_zone;
  session.value = found;
  return found;
}

function accept(found: Session): Session {
  setClock(found.clock);
  timeZone.value = found.city.time_zone;
  session.value = found;
  return found;
}

/** The session of this browser; null when nobody is signed in. Throws when the gateway does not answer. */
export async function currentSession(): Promise<Session | null> {
  try {
    return accept(await ask<Session>("GET", "/api/v1/session"));
  } catch (problem) {
    if (problem instanceof Refused && [401, 403].includes(problem.status)) return null;
    throw problem;
  }
}

export async function signIn(login: string, password: string): Promise<Session> {
  return accept(await ask<Session>("POST", "/api/v1/session", { login, password }));
}

/** Throws while the gateway does not answer: who is told they are out must be. `then`: to be done before the page goes. */
export async function signOut(then?: () => Promise<void>): Promise<void> {
  await ask("DELETE", "/api/v1/session").catch((problem: unknown) => {
    const over = problem instanceof Refused && (problem.final || problem.status === 401);
    if (!over) throw problem;
  });
  await then?.();
  toSignIn();
}

export function toSignIn(): void {
  const here = location.pathname + location.search;
  location.replace(here === "/" ? "/" : `/?next=${encodeURIComponent(here)}`);
}

/** Where to go after the log-in: the page asked for if it is one of this role's, else the role's first. */
export function faceAfter(found: Session, next: string | null): string | null {
  const allowed = FACES[found.user.role] ?? [];
  if (next && allowed.some(face => next === `/${face}` || next.startsWith(`/${face}?`))) return next;
  return allowed[0] ? `/${allowed[0]}` : null;
}

/** May this role give orders on the dispatcher's page? Nobody may while the page shows the past. */
export const mayDispatch = (): boolean => !inPast.value && isOneOf("dispatcher", "administrator");

/** May this role decide about alerts? Nobody may while the page shows the past. */
export const mayJudge = (): boolean => !inPast.value && isOneOf("officer", "administrator");

function isOneOf(...roles: Role[]): boolean {
  const role = session.value?.user.role;
  return role !== undefined && roles.includes(role);
}

/** SOS and breakdown are the desk's to acknowledge. */
export const mayAcknowledge = (): boolean => mayJudge() || mayDispatch();
