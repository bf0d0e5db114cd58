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

  test("gives nothing for an event that is not finished", () => {
    expect(new EventReader().read("event: delta\ndata: 1\n")).toEqual([]);
  });
});
