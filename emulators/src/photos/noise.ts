/** Deterministic randomness for painting: the same seed paints the same picture on every machine. */

/** Numbers in [0, 1). Source: Tommy Ettinger's mulberry32, public domain. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Smooth values in [0, 1] over the plane. */
export type Noise = (x: number, y: number) => number;

const SIZE = 256;

/** Value noise on a lattice of random numbers, smoothly interpolated. */
export function noiseFrom(seed: number): Noise {
  const random = randomFrom(seed);
  const lattice = Float32Array.from({ length: SIZE * SIZE }, random);
  const at = (x: number, y: number) => lattice[(y & (SIZE - 1)) * SIZE + (x & (SIZE - 1))] ?? 0;
  return (x, y) => {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const fx = x - left;
    const fy = y - top;
    const sx = fx * fx * (3 - 2 * fx);
    const sy = fy * fy * (3 - 2 * fy);
    const upper = at(left, top) * (1 - sx) + at(left + 1, top) * sx;
    const lower = at(left, top + 1) * (1 - sx) + at(left + 1, top + 1) * sx;
    return upper * (1 - sy) + lower * sy;
  };
}

/** Fractal noise in [0, 1]: each octave twice as fine and half as strong. */
export function fractal(noise: Noise, x: number, y: number, octaves: number): number {
  let sum = 0;
  let strength = 0.5;
  let scale = 1;
  for (let octave = 0; octave < octaves; octave += 1) {
    sum += strength * noise(x * scale + octave * 17.3, y * scale + octave * 9.1);
    strength /= 2;
    scale *= 2;
  }
  return sum / (1 - 0.5 ** octaves);
}

/** Like `fractal`, with sharp crests instead of round ones. */
export function ridged(noise: Noise, x: number, y: number, octaves: number): number {
  let sum = 0;
  let strength = 0.5;
  let scale = 1;
  for (let octave = 0; octave < octaves; octave += 1) {
    const crest = 1 - Math.abs(2 * noise(x * scale + octave * 31.7, y * scale + octave * 3.3) - 1);
    sum += strength * crest * crest;
    strength /= 2;
    scale *= 2.1;
  }
  return sum;
}
