import { describe, expect, test } from "vitest";
import { EventReader } from "../src/live/sse.ts";

const STREAM =
  ': heartbeat\n\nid: 7-1\nevent: snapshot\ndata: {"a":\ndata: 1}\n\nevent: delta\r\nid: 7-2\r\ndata: 二\r\n\r\ndata:x\n\n';
const EVENTS = [
  { event: "snapshot", data: '{"a":\n1}', id: "7-1" },
  { event: "delta", data: "二", id: "7-2" },
  { event: "message", data: "x", id: "7-2" },
];

describe("the event stream's format", () => {
  test("is read whole: comments make no event, data lines join, the id stays until the next", () => {
    expect(new EventReader().read(STREAM)).toEqual(EVENTS);
  });

  test("is read the same wherever the pieces are cut", () => {
    for (let cut = 1; cut < STREAM.length; cut++) {
      const reader = new EventReader();
      expect([...reader.read(STREAM.slice(0, cut)), ...reader.read(STREAM.slice(cut))]).toEqual(EVENTS);
    }
  });

  test("is read in a time that grows with its length, not with its square: a snapshot comes in hundreds of pieces", () => {
    const reader = new EventReader();
    const piece = "x".repeat(64 * 1024);
    const looked: string[] = [];
    const split = String.prototype.split;
    String.prototype.split = function (this: string, ...given: Parameters<typeof split>) {
      looked.push(String(this));
      return split.apply(this, given);
    } as typeof split;
    try {
      reader.read("data: ");
      for (let n = 0; n < 50; n++) reader.read(piece);
      expect(reader.read("\n\n")[0]?.data.length).toBe(50 * piece.length);
    } finally {
      String.prototype.split = split;
    }
    expect(looked.reduce((sum, one) => sum + one.length, 0)).toBeLessThan(51 * piece.length);
  });

  test("gives nothing for an event that is not finished", () => {
    expect(new EventReader().read("event: delta\ndata: 1\n")).toEqual([]);
  });
});
