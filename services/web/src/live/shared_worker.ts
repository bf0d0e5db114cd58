/** The shared worker: one connection for all pages of this browser that are of the same person. */

import { Connection } from "./connection.ts";
import { type FromPage, Relay } from "./relay.ts";

const scope = globalThis as unknown as { onconnect: ((event: MessageEvent) => void) | null };
const relay = new Relay(url => new Connection(url));

scope.onconnect = event => {
  for (const port of event.ports) port.onmessage = ({ data }: MessageEvent<FromPage>) => relay.take(port, data);
};
