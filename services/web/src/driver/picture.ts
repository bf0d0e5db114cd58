/** A camera's picture made small enough to send: on the phone, before it is kept. */

/** Longest edge of what is sent, pixels: a number plate and a label can be read. */
const EDGE = 1_600;
/** No camera makes a larger file; decoding one may end the page. */
const HUGE_BYTES = 100e6;
/** The gateway takes 2 MiB. */
const MOST_BYTES = 1.8e6;
const QUALITIES = [0.8, 0.6, 0.4] as const;

/** Why there is no photo: a file that is no picture, or too large to look at. */
export class NoPicture extends Error {
  readonly why: "broken" | "huge";

  constructor(why: "broken" | "huge") {
    super(why);
    this.why = why;
  }
}

/** Width and height with the longest edge at most `most`, the shape kept; never enlarged. */
export function fitted(width: number, height: number, most: number = EDGE): [width: number, height: number] {
  const scale = Math.min(1, most / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

/** The picture as a JPEG of edges up to 1,600 pixels, upright, without what the camera wrote into it. Throws `NoPicture`. */
export async function shrunk(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > HUGE_BYTES) throw new NoPicture("huge");
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new NoPicture("broken");
  });
  try {
    const [width, height] = fitted(picture.width, picture.height);
    for (const quality of QUALITIES) {
      const small = await drawn(picture, width, height, quality);
      if (small.size <= MOST_BYTES) return new Uint8Array(await small.arrayBuffer());
    }
    throw new NoPicture("huge");
  } finally {
    picture.close();
  }
}

async function drawn(picture: ImageBitmap, width: number, height: number, quality: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const brush = canvas.getContext("2d");
  if (!brush) throw new NoPicture("broken");
  brush.drawImage(picture, 0, 0, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality });
}
