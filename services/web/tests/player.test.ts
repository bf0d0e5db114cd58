import { describe, expect, test } from "vitest";
import type { Delta } from "../src/contract.ts";
import { Player, stepAt } from "../src/live/player.ts";

const T = 1_795_500_000_000;
const END = T + 3_600_000;
const delta = (now_ms: number): Delta => ({ now_ms, changes: [] });
const times = (deltas: Delta[]) => deltas.map(one => one.now_ms - T);

/** What the gateway answers: something changed at the end of every step. */
function answer(player: Player, trucks = 10) {
  const wanted = player.wants(END, trucks);
  if (!wanted) throw new Error("it wants nothing");
  const deltas: Delta[] = [];
  for (let at = wanted.from_ms; at < wanted.to_ms; ) {
    at = Math.min(at + wanted.step_ms, wanted.to_ms);
    deltas.push(delta(at));
  }
  player.take({ ...wanted, deltas });
  return wanted;
}

describe("the player", () => {
  test("gives out each change once, in order, when its time has come", () => {
    const player = new Player(T, 1);
    answer(player);
    expect(times(player.advance(900))).toEqual([]);
    expect(times(player.advance(1_200))).toEqual([1_000, 2_000]);
    expect(times(player.advance(0))).toEqual([]);
    expect(player.moment_ms).toBe(T + 2_100);
  });

  test("stops where nothing more is known, and goes on from there", () => {
    const player = new Player(T, 10);
    expect(player.advance(5_000)).toEqual([]);
    expect([player.moment_ms, player.dry]).toEqual([T, true]);
    const wanted = answer(player);
    player.advance(60_000);
    expect(player.moment_ms).toBe(wanted.to_ms);
    expect(player.dry).toBe(true);
  });

  test("asks in time, without a gap, and never beyond the end", () => {
    const player = new Player(T, 300);
    let last_ms = T;
    const seen: number[] = [];
    while (last_ms < END) {
      const wanted = player.wants(END, 10);
      if (wanted) {
        expect(wanted.from_ms).toBe(last_ms);
        last_ms = answer(player).to_ms;
      }
      seen.push(...player.advance(1_000).map(one => one.now_ms));
    }
    expect(last_ms).toBe(END);
    seen.push(...player.advance(60_000).map(one => one.now_ms));
    expect(player.wants(END, 10)).toBeNull();
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.at(-1)).toBe(END);
  });

  test("at another speed asks again from what was given out, so that nothing is left out", () => {
    const player = new Player(T, 300);
    answer(player);
    const given = player.advance(600);
    const sure_ms = given.at(-1)?.now_ms ?? T;
    expect(sure_ms).toBeLessThan(player.moment_ms);
    player.setSpeed(1);
    const wanted = player.wants(END, 10);
    expect(wanted?.from_ms).toBe(sure_ms);
    const before_ms = player.moment_ms;
    answer(player);
    // what was between the last picture and the moment comes at once; the moment stays
    const caughtUp = player.advance(0);
    expect(player.moment_ms).toBe(before_ms);
    expect(caughtUp[0]?.now_ms).toBe(sure_ms + 1_000);
    expect(caughtUp.at(-1)?.now_ms).toBeLessThanOrEqual(before_ms);
  });

  test("passes over an answer to what it no longer asks", () => {
    const player = new Player(T, 60);
    const old = answer(player);
    player.advance(1_000);
    player.setSpeed(5);
    player.take({ from_ms: old.to_ms, to_ms: old.to_ms + 1_000, deltas: [delta(old.to_ms + 500)] });
    expect(player.advance(100_000)).toEqual([]);
  });

  test("asks for no more steps than the gateway tells at once, however long nothing changed", () => {
    const player = new Player(T, 300);
    player.take({ from_ms: T, to_ms: END, deltas: [] });
    player.advance(10_000);
    player.setSpeed(1);
    const wanted = player.wants(END, 10);
    expect(wanted).not.toBeNull();
    if (wanted) expect((wanted.to_ms - wanted.from_ms) / wanted.step_ms).toBeLessThanOrEqual(300);
  });

  test("draws less often where there are many trucks, and never more often than once in a second of the city", () => {
    expect(stepAt(1, 10)).toBe(1_000);
    expect(stepAt(60, 10)).toBe(15_000);
    expect(stepAt(60, 500)).toBe(30_000);
  });
});
