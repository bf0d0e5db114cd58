import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Pace } from "../src/map/pace.ts";

/** Graphics that finish a picture when they are told to. */
function graphics() {
  const open: { done: boolean }[] = [];
  return {
    picture: () => {
      const one = { done: false };
      open.push(one);
      return { isFinished: () => one.done, forget: () => undefined };
    },
    finish: () => {
      for (const one of open) one.done = true;
    },
  };
}

describe("pictures of the map", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function slow() {
    const begin = vi.fn();
    const pace = new Pace(begin);
    const card = graphics();
    pace.handed(card.picture());
    vi.advanceTimersByTime(400);
    card.finish();
    vi.advanceTimersByTime(10);
    return { begin, pace, card };
  }

  test("begin at once while graphics are quick, as many as are wanted", () => {
    const begin = vi.fn();
    const pace = new Pace(begin);
    const card = graphics();
    pace.handed(card.picture());
    card.finish();
    vi.advanceTimersByTime(10);
    pace.handed(card.picture());
    pace.want();
    pace.want();
    expect(begin).toHaveBeenCalledTimes(2);
  });

  test("wait for the one before where graphics are slow, and are one, however often they were wanted", () => {
    const { begin, pace, card } = slow();
    pace.handed(card.picture());
    pace.want();
    pace.want();
    vi.advanceTimersByTime(300);
    expect(begin).not.toHaveBeenCalled();
    card.finish();
    vi.advanceTimersByTime(10);
    expect(begin).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1_000);
    expect(begin).toHaveBeenCalledTimes(1);
  });

  test("do not pile up before it is known that graphics are slow", () => {
    const begin = vi.fn();
    const pace = new Pace(begin);
    const card = graphics();
    for (let at = 0; at < 10; at++) {
      pace.want();
      if (begin.mock.calls.length > at) pace.handed(card.picture());
      vi.advanceTimersByTime(16);
    }
    expect(begin).toHaveBeenCalledTimes(3);
  });

  test("are not held up for ever by one that is never said to be finished", () => {
    const { begin, pace, card } = slow();
    pace.handed(card.picture());
    pace.want();
    vi.advanceTimersByTime(3_100);
    expect(begin).toHaveBeenCalledTimes(1);
  });

  test("begin at once where nobody can say when one is finished", () => {
    const { begin, pace } = slow();
    pace.handed(null);
    pace.want();
    expect(begin).toHaveBeenCalledTimes(1);
  });

  test("end with the map", () => {
    const { begin, pace, card } = slow();
    pace.handed(card.picture());
    pace.want();
    pace.end();
    card.finish();
    vi.advanceTimersByTime(5_000);
    expect(begin).not.toHaveBeenCalled();
  });
});
