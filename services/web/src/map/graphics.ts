/** What the browser's graphics tell of themselves: when a picture is finished, and whether a card draws it. */

import type { Picture } from "./pace.ts";

/** The picture that was just drawn on a canvas; null where the browser cannot say when it is finished. */
export function pictureOn(canvas: HTMLCanvasElement): Picture | null {
  const gl = canvas.getContext("webgl2");
  const fence = gl?.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  if (!gl || !fence) return null;
  gl.flush();
  return {
    isFinished: () => gl.isContextLost() || gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED,
    forget: () => gl.deleteSync(fence),
  };
}

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Whether no graphics card helps: the browser draws with the processor. */
export function isSoftware(canvas: HTMLCanvasElement): boolean {
  const gl = canvas.getContext("webgl2");
  const named = gl?.getExtension("WEBGL_debug_renderer_info");
  return SOFTWARE.test(String(named && gl?.getParameter(named.UNMASKED_RENDERER_WEBGL)));
}
