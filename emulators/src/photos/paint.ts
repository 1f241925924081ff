/** Light, as scenes compute it: linear red, green and blue, where 1 is white; more than 1 is glare. */
export type Light = readonly [red: number, green: number, blue: number];

/** The light that comes from a place in the picture; `u` and `v` run from 0 to 1, rightwards and downwards. */
export type Shade = (u: number, v: number) => Light;

export const mix = (a: Light, b: Light, part: number): Light => {
  const t = Math.min(1, Math.max(0, part));
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
};
export const scale = (a: Light, by: number): Light => [a[0] * by, a[1] * by, a[2] * by];
export const add = (a: Light, b: Light): Light => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const smooth = (from: number, to: number, value: number): number => {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

/** Light along a line, between stops at growing places. */
export function gradient(stops: readonly (readonly [at: number, light: Light])[], at: number): Light {
  for (let index = 1; index < stops.length; index += 1) {
    const before = stops[index - 1];
    const after = stops[index];
    if (before && after && at <= after[0]) return mix(before[1], after[1], (at - before[0]) / (after[0] - before[0]));
  }
  return stops.at(-1)?.[1] ?? [0, 0, 0];
}

/** How film and lens take it: shoulders for the bright, darker corners, grain in the mid-tones. */
export function expose(
  shade: Shade,
  {
    width,
    height,
    exposure,
    grain,
    random,
  }: { width: number; height: number; exposure: number; grain: number; random: () => number },
): Buffer {
  const pixels = Buffer.allocUnsafe(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const u = (x + 0.5) / width;
      const v = (y + 0.5) / height;
      const light = shade(u, v);
      const corner = 1 - 0.38 * Math.pow(Math.hypot(u - 0.5, v - 0.5) / 0.7071, 2.6);
      const speck = (random() + random() + random() - 1.5) * grain;
      for (let channel = 0; channel < 3; channel += 1) {
        const film = Math.max(0, (light[channel] ?? 0) * exposure * corner);
        // A filmic curve: Hejl and Burgess-Dawson, which includes the display's gamma.
        const toe = Math.max(0, film - 0.004);
        const shown = (toe * (6.2 * toe + 0.5)) / (toe * (6.2 * toe + 1.7) + 0.06);
        pixels[(y * width + x) * 3 + channel] = Math.min(255, Math.max(0, (shown + speck) * 255));
      }
    }
  }
  return pixels;
}
