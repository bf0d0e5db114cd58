import { afterEach, describe, expect, test, vi } from "vitest";
import { phoneAhead } from "../src/clock.ts";
import { ask, putBytes, Refused, Unreachable } from "../src/http.ts";
import { currentSession, signOut } from "../src/session.ts";
import { failureText } from "../src/ui/command.tsx";
import { words } from "../src/words/index.ts";

afterEach(() => vi.unstubAllGlobals());

/** Whoever answers a request, whichever it is. */
function answers(status: number, type: string, body: string, more: Record<string, string> = {}): void {
  vi.stubGlobal("fetch", async () => new Response(body, { status, headers: { "Content-Type": type, ...more } }));
}

const problem = (status: number, code: string) =>
  answers(status, "application/problem+json", JSON.stringify({ status, code, detail: "why" }));

const failure = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
const put = () => failure(ask("PUT", "/api/v1/driver-actions/a1", {}));
const putPhoto = () =>
  failure(putBytes("/api/v1/photos/p1", new Uint8Array(1), "image/jpeg", new AbortController().signal));

describe("a refusal", () => {
  test("of the gateway's own says why, and is final", async () => {
    for (const sent of [put, putPhoto]) {
      problem(422, "not_usable");
      const thrown = await sent();
      expect(thrown).toBeInstanceOf(Refused);
      expect(thrown).toMatchObject({ status: 422, final: true, body: { code: "not_usable" } });
    }
  });

  test("of the gateway's own for lack of a session, or of patience, is not final", async () => {
    for (const status of [401, 408, 425, 429]) {
      problem(status, "any");
      expect(await put()).toMatchObject({ status, final: false });
    }
  });

  test("of a proxy or a captive portal is as no answer", async () => {
    for (const sent of [put, putPhoto])
      for (const [status, type, body] of [
        [404, "text/html", "<h1>404 Not Found</h1>"],
        [403, "text/html", "<p>Accept our terms</p>"],
        [401, "text/plain", ""],
        [400, "application/json", '{"code":"portal"}'],
        [422, "application/problem+json", '{"title":"whose?"}'],
        [409, "application/problem+json", "cut o"],
        [502, "text/html", "Bad Gateway"],
      ] as const) {
        answers(status, type, body);
        const thrown = await sent();
        expect(thrown).toBeInstanceOf(Unreachable);
        expect(failureText(thrown)).toBe(words.value.failed.unreachable);
      }
  });

  test("of a proxy for its size says so, and is not final: the proxy can be mended", async () => {
    answers(413, "text/html", "<h1>413</h1>");
    const thrown = await putPhoto();
    expect(thrown).toMatchObject({ status: 413, final: false });
    expect(failureText(thrown)).toContain("413");
  });

  test("of a portal signs nobody out, and its clock is not the office's", async () => {
    vi.stubGlobal("location", { pathname: "/driver", search: "", replace: vi.fn() });
    const before = phoneAhead.value;
    answers(403, "text/html", "", { Date: "Thu, 01 Jan 1970 00:00:00 GMT" });
    await expect(currentSession()).rejects.toBeInstanceOf(Unreachable);
    await expect(signOut()).rejects.toBeInstanceOf(Unreachable);
    expect(location.replace).not.toHaveBeenCalled();
    expect(phoneAhead.value).toBe(before);
    problem(401, "not_logged_in");
    expect(await currentSession()).toBeNull();
  });
});
