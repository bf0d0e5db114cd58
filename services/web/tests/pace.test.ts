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
    vi.stubGlobal("document", { hidden: false });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  function fresh() {
    const begin = vi.fn();
    return { begin, pace: new Pace(begin), card: graphics() };
  }

  /** A pace that knows a picture to take long. */
  async function slow() {
    const { begin, pace, card } = fresh();
    pace.handed(card.picture());
    await passes(400);
    card.finish();
    await passes(10);
    return { begin, pace, card };
  }

  test("begin at once while graphics are quick", async () => {
    const { begin, pace, card } = fresh();
    for (let at = 1; at <= 20; at++) {
      pace.want();
      await passes(7); // as at 144 a second: the next comes before anybody looked
      expect(begin).toHaveBeenCalledTimes(at);
      card.finish();
      pace.handed(card.picture());
    }
    expect(pace.takes_ms).toBeLessThan(10);
  });

  test("wait for the one before where graphics are slow, and are one, however often they were wanted", async () => {
    const { begin, pace, card } = await slow();
    pace.handed(card.picture());
    pace.want();
    pace.want();
    await passes(300);
    expect(begin).not.toHaveBeenCalled();
    card.finish();
    await passes(10);
    expect(begin).toHaveBeenCalledTimes(1);
    await passes(1_000);
    expect(begin).toHaveBeenCalledTimes(1);
  });

  test("wait for the one that is being drawn while the next is wanted", async () => {
    const { begin, pace, card } = await slow();
    begin.mockImplementation(() => {
      pace.want();
      pace.handed(card.picture());
    });
    pace.want();
    await passes(300);
    expect(begin).toHaveBeenCalledTimes(1);
    card.finish();
    await passes(10);
    expect(begin).toHaveBeenCalledTimes(2);
  });

  test("do not pile up before it is known that graphics are slow", async () => {
    const { begin, pace, card } = fresh();
    for (let at = 0; at < 10; at++) {
      pace.want();
      await passes(0);
      if (begin.mock.calls.length > at) pace.handed(card.picture());
      await passes(16);
    }
    expect(begin).toHaveBeenCalledTimes(3);
  });

  test("are not thought slow because nobody looked", async () => {
    const { begin, pace, card } = fresh();
    pace.handed(card.picture());
    card.finish();
    vi.setSystemTime(Date.now() + 5_000); // the page was asleep
    await passes(10);
    expect(pace.takes_ms).toBeLessThan(20);
    expect(begin).not.toHaveBeenCalled();
  });

  test("are not held up for ever by one that is never said to be finished", async () => {
    const { begin, pace, card } = await slow();
    pace.handed(card.picture());
    pace.want();
    await passes(3_100);
    expect(begin).toHaveBeenCalledTimes(1);
  });

  test("begin at once where nobody can say when one is finished", async () => {
    const { begin, pace, card } = await slow();
    pace.handed(card.picture());
    pace.want();
    await passes(0);
    pace.handed(null);
    expect(begin).toHaveBeenCalledTimes(1);
  });

  test("end with the map", async () => {
    const { begin, pace, card } = await slow();
    pace.handed(card.picture());
    pace.want();
    pace.end();
    card.finish();
    await passes(5_000);
    expect(begin).not.toHaveBeenCalled();
  });
});
