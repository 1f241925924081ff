/** What the photos show. Each scene is a function of a seed: the composition, the weather and the hour come from it. */
import { type Noise, fractal, noiseFrom, randomFrom, ridged } from './noise.ts';
import { type Light, type Shade, add, gradient, mix, scale, smooth } from './paint.ts';

export interface Scene {
  title: string;
  caption: string;
  tags: readonly string[];
  exposure: number;
  grain: number;
  shade: Shade;
}

type Painter = (seed: number, aspect: number) => Scene;

const pick = <T>(random: () => number, first: T, ...others: T[]): T => {
  const all = [first, ...others];
  return all[Math.floor(random() * all.length)] ?? first;
};

/** A sky with a low sun: stops from the zenith to the horizon, the sun's glow, and clouds lit from below. */
function lowSunSky(
  noise: Noise,
  {
    stops,
    sun,
    glow,
    cloudiness,
    horizon,
  }: {
    stops: readonly (readonly [number, Light])[];
    sun: readonly [u: number, v: number];
    glow: Light;
    cloudiness: number;
    horizon: number;
  },
  aspect: number,
): Shade {
  return (u, v) => {
    const height = Math.max(0.02, horizon - v);
    const distance = Math.hypot((u - sun[0]) * aspect, v - sun[1]);
    let light = gradient(stops, v / horizon);
    light = add(light, scale(glow, 0.5 * Math.exp(-distance * 3.2) + 1.3 * Math.exp(-distance * 11)));
    // Clouds lie on a plane overhead: the nearer to the horizon, the flatter they are seen.
    const depth = 0.11 / height;
    const cover = fractal(noise, (u - 0.5) * depth * 26 + 40, depth * 22, 6);
    const cloud = smooth(0.62 - cloudiness * 0.25, 0.86 - cloudiness * 0.18, cover) * smooth(0.015, 0.16, height);
    const lit = add(scale(glow, 0.16 + 0.75 * Math.exp(-distance * 2.4)), scale(gradient(stops, 0.35), 0.7));
    return mix(light, lit, cloud * 0.85);
  };
}

const lake: Painter = (seed, aspect) => {
  const random = randomFrom(seed);
  const noise = noiseFrom(seed + 1);
  const waterline = 0.6 + random() * 0.06;
  const sun = [0.25 + random() * 0.5, waterline - 0.1] as const;
  const dawn = random() < 0.5;
  const glow: Light = dawn ? [1.5, 0.72, 0.42] : [1.4, 0.52, 0.22];
  const stops: readonly (readonly [number, Light])[] = dawn
    ? [
        [0, [0.1, 0.2, 0.42]],
        [0.55, [0.3, 0.4, 0.6]],
        [1, [0.85, 0.62, 0.5]],
      ]
    : [
        [0, [0.05, 0.1, 0.28]],
        [0.5, [0.24, 0.22, 0.42]],
        [1, [0.95, 0.45, 0.24]],
      ];
  const sky = lowSunSky(noise, { stops, sun, glow, cloudiness: random() * 0.8, horizon: waterline + 0.02 }, aspect);
  const haze = mix(stops[2]?.[1] ?? [1, 1, 1], [0.45, 0.5, 0.62], 0.45);
  const ranges = [0.34, 0.24, 0.17, 0.09].map((height, index) => ({
    height: height * (0.8 + random() * 0.4),
    offset: random() * 90,
    rough: 2.2 + index * 1.5,
    near: (index + 1) / 4,
  }));
  const crest = (u: number, { height, offset, rough }: (typeof ranges)[number]) =>
    waterline - height * (0.25 + 1.15 * ridged(noise, u * rough + offset, offset, 7));
  const land: Shade = (u, v) => {
    for (let index = ranges.length - 1; index >= 0; index -= 1) {
      const range = ranges[index];
      if (!range) continue;
      const top = crest(u, range);
      if (v < top) continue;
      const below = (v - top) / Math.max(0.02, waterline - top);
      const rock = fractal(noise, u * 40 * range.rough + range.offset, v * 130, 5);
      const relief = (x: number, y: number) =>
        ridged(noise, x * 16 * (1 + range.near) + range.offset, y * 11 + range.offset, 5);
      const slope = relief(u + 0.0025, v + below * 0.01) - relief(u - 0.0025, v + below * 0.01);
      const facing = smooth(-0.1, 0.1, sun[0] > u ? slope : -slope);
      const snow = smooth(0.62, 0.3, below + (rock - 0.5) * 1.1) * (index < 2 ? 1 : 0);
      const stone = mix([0.05, 0.06, 0.08], [0.16, 0.13, 0.12], rock);
      const forest: Light = scale([0.025, 0.045, 0.035], 0.5 + rock);
      let ground = index >= 2 ? mix(stone, forest, 0.9) : mix(stone, [0.5, 0.54, 0.64], snow);
      ground = mix(scale(ground, 0.42), add(ground, scale(glow, 0.12 + 0.3 * snow)), facing);
      return mix(haze, ground, 0.22 + 0.75 * range.near - 0.3 * below * (1 - range.near));
    }
    return sky(u, v);
  };
  return {
    title: dawn ? 'First light on the lake' : 'Dusk over the lake',
    caption: dawn
      ? 'Nobody here yet. The water was warmer than the air.'
      : 'We stayed until the last boat had gone home.',
    tags: ['mountains', 'lake', dawn ? 'sunrise' : 'dusk'],
    exposure: 1.15,
    grain: 0.035,
    shade(u, v) {
      if (v < waterline) return land(u, v);
      const near = (v - waterline) / (1 - waterline);
      const ripple = fractal(noise, (u * 30) / (0.12 + near), 60 / (0.05 + near), 3) - 0.5;
      const mirrored = land(
        u + ripple * 0.02 * near,
        waterline - (v - waterline) * 0.92 + ripple * 0.05 * near - 0.002,
      );
      const deep: Light = [0.012, 0.03, 0.05];
      return add(mix(scale(mirrored, 0.78), deep, 0.15 + 0.5 * near), scale(glow, 0.02 * Math.max(0, ripple) * near));
    },
  };
};

const sea: Painter = (seed, aspect) => {
  const random = randomFrom(seed);
  const noise = noiseFrom(seed + 2);
  const horizon = 0.48 + random() * 0.1;
  const sun = [0.2 + random() * 0.6, horizon - 0.03 - random() * 0.08] as const;
  const glow: Light = pick<Light>(random, [1.7, 0.62, 0.2], [1.6, 0.42, 0.3], [1.6, 0.8, 0.35]);
  const stops: readonly (readonly [number, Light])[] = [
    [0, [0.09, 0.14, 0.34]],
    [0.6, [0.42, 0.32, 0.45]],
    [1, scale(glow, 0.72)],
  ];
  const sky = lowSunSky(
    noise,
    { stops, sun, glow, cloudiness: 0.4 + random() * 0.6, horizon: horizon + 0.015 },
    aspect,
  );
  const beach = 0.86 + random() * 0.05;
  return {
    title: pick(random, 'The sun goes for a swim', 'Evening, low tide', 'Last swim of the year'),
    caption: 'Straight from the camera. The noise you cannot hear: two gulls arguing over a chip.',
    tags: ['sea', 'sunset', 'beach'],
    exposure: 1.1,
    grain: 0.03,
    shade(u, v) {
      const disc = Math.hypot((u - sun[0]) * aspect, v - sun[1]);
      if (v < horizon) return add(sky(u, v), scale([3, 2.2, 1.2], smooth(0.034, 0.028, disc)));
      const near = (v - horizon) / (1 - horizon);
      const shore = beach + 0.018 * Math.sin(u * 9 + seed) + 0.02 * (fractal(noise, u * 5, 3, 4) - 0.5);
      const depth = 0.03 / (near + 0.012);
      const wave = fractal(noise, (u - 0.5) * 42 * (0.25 + depth) + 9, near * 34 + depth * 26, 5) - 0.5;
      const swell = Math.sin(depth * 42 + wave * 5) * 0.5;
      const mirrored = sky(u + wave * 0.05, Math.max(0.02, horizon - (0.06 + near * 0.6) * (1 + wave * 1.2)));
      const water = mix(scale(mirrored, 0.6), [0.015, 0.05, 0.08], 0.35 + 0.3 * near + 0.3 * wave + 0.08 * swell);
      const path = Math.exp(-Math.pow((u - sun[0]) / (0.035 + 0.17 * near), 2)) * smooth(0.02, 0.25, wave + 0.1);
      const sea_ = add(water, scale(glow, 1.5 * path));
      const foam = smooth(0.02, 0, Math.abs(v - shore + 0.008)) * smooth(0.4, 0.62, fractal(noise, u * 60, v * 120, 4));
      const sand = add(
        scale([0.3, 0.2, 0.13], 0.45 + 0.5 * fractal(noise, u * 90, v * 160, 4)),
        scale(sky(u, horizon - near * 0.2), 0.16),
      );
      return add(mix(sea_, sand, smooth(shore - 0.004, shore + 0.012, v)), scale([0.75, 0.62, 0.58], foam * 0.8));
    },
  };
};

const COLUMNS = 64;
const REFLECTION_REACH = 0.07;

const city: Painter = (seed, aspect) => {
  const random = randomFrom(seed);
  const noise = noiseFrom(seed + 3);
  const lamps = Array.from({ length: 120 }, () => {
    const near = random() ** 1.7;
    const tone = pick<Light>(
      random,
      [1, 0.55, 0.18],
      [1, 0.72, 0.4],
      [1, 0.3, 0.16],
      [0.4, 0.7, 1],
      [0.3, 1, 0.62],
      [1, 0.9, 0.75],
    );
    return {
      u: random() * aspect,
      v: 0.3 + 0.5 * random() ** 0.8 + near * 0.05,
      radius: 0.012 + near * 0.062,
      light: scale(tone, (0.05 + random() * 0.24) / (0.7 + near)),
    };
  });
  // The lamps that reach into each upright strip of the picture, by their disc or by their reflection.
  const columns = Array.from({ length: COLUMNS }, (_, index) =>
    lamps.filter(
      (lamp) =>
        Math.abs(((index + 0.5) / COLUMNS) * aspect - lamp.u) <
        Math.max(lamp.radius * 1.1, REFLECTION_REACH) + aspect / COLUMNS,
    ),
  );
  const blocks = Array.from({ length: 26 }, (_, index) => ({
    from: index / 24 - 0.06 + random() * 0.02,
    width: 0.03 + random() * 0.05,
    top: 0.2 + random() * 0.34,
    hue: random(),
  }));
  return {
    title: pick(random, 'Friday, late', 'Rain stopped at eleven', 'Out of focus on purpose'),
    caption: 'Waiting for the night bus. Wide open, hand held.',
    tags: ['city', 'night', 'bokeh'],
    exposure: 1.25,
    grain: 0.06,
    shade(u, v) {
      let light = gradient(
        [
          [0, [0.012, 0.016, 0.04]],
          [0.55, [0.07, 0.05, 0.075]],
          [0.8, [0.05, 0.035, 0.035]],
          [1, [0.02, 0.016, 0.018]],
        ],
        v,
      );
      for (const { from, width, top, hue } of blocks) {
        const inside =
          smooth(from - 0.008, from + 0.008, u) *
          smooth(from + width + 0.008, from + width - 0.008, u) *
          smooth(top - 0.015, top + 0.015, v) *
          smooth(0.74, 0.6, v);
        if (inside <= 0) continue;
        const floor = smooth(0.58, 0.8, noise((u - from) * 330 + hue * 50, v * 170));
        light = mix(
          light,
          add([0.016, 0.018, 0.03], scale(hue > 0.35 ? [0.5, 0.32, 0.12] : [0.2, 0.3, 0.42], floor * 0.55)),
          inside * 0.9,
        );
      }
      const road = smooth(0.7, 0.82, v);
      const shimmer = road * (0.35 + 0.65 * fractal(noise, u * 14, v * 60, 3));
      for (const lamp of columns[Math.min(COLUMNS - 1, Math.floor(u * COLUMNS))] ?? []) {
        const du = u * aspect - lamp.u;
        const dv = v - lamp.v;
        const distance = Math.hypot(du, dv);
        if (distance < lamp.radius * 1.06) {
          const rim = 0.72 + 0.38 * smooth(0.55, 0.97, distance / lamp.radius);
          light = add(light, scale(lamp.light, rim * smooth(lamp.radius * 1.05, lamp.radius * 0.95, distance)));
        }
        if (road > 0 && Math.abs(du) < REFLECTION_REACH)
          light = add(light, scale(lamp.light, shimmer * 0.075 * Math.exp(-Math.pow(du / 0.03, 2))));
      }
      return light;
    },
  };
};

/** No leaves hang lower in the picture than this. */
const CROWNS_END = 0.5;

const forest: Painter = (seed, aspect) => {
  const random = randomFrom(seed);
  const noise = noiseFrom(seed + 4);
  const autumn = random() < 0.5;
  const fog: Light = autumn ? [0.78, 0.66, 0.48] : [0.6, 0.7, 0.66];
  const source = 0.3 + random() * 0.4;
  const layers = [0.12, 0.25, 0.42, 0.66, 1].map((near) => ({
    near,
    ground: 0.6 + near * 0.26,
    trunks: Array.from({ length: Math.round(26 - near * 19) }, () => ({
      u: random() * 1.1 - 0.05,
      width: (0.0045 + random() * 0.005) * (0.5 + near * 3.4),
      lean: (random() - 0.5) * 0.05,
    })),
  }));
  return {
    title: autumn ? 'The path was not on the map' : 'Fog, and then a cuckoo',
    caption: 'Six in the morning. It smelled of earth and cold smoke.',
    tags: ['forest', 'fog', autumn ? 'autumn' : 'morning'],
    exposure: 1.05,
    grain: 0.04,
    shade(u, v) {
      const beam = Math.exp(-Math.pow((u - source) * aspect * 1.3, 2)) * (1.1 - v * 0.7);
      const rays = 0.75 + 0.5 * fractal(noise, ((u - source) / (v + 0.35)) * 9 + 5, 2, 3);
      let light = add(scale(fog, 0.5 + 0.25 * (1 - v)), scale([0.95, 0.85, 0.6], 0.5 * beam * rays));
      for (const { near, ground, trunks } of layers) {
        const veil = 0.1 + near * 0.86;
        const floor = ground + 0.03 * (fractal(noise, u * 6 + near * 20, near * 9, 4) - 0.5);
        if (v > floor) {
          const litter = fractal(noise, u * 70 * (1.3 - near * 0.5), v * 190 * (1.3 - near * 0.6), 5);
          const earth = autumn
            ? mix([0.1, 0.045, 0.016], [0.42, 0.2, 0.05], litter)
            : mix([0.025, 0.04, 0.014], [0.14, 0.19, 0.05], litter);
          const path = Math.exp(-Math.pow((u - 0.5 - 0.1 * Math.sin(v * 7 + seed)) / (0.02 + 0.22 * (v - 0.58)), 2));
          light = mix(light, mix(earth, [0.24, 0.19, 0.14], path * 0.6), veil);
        }
        for (const { u: at, width, lean } of trunks) {
          const middle = at + lean * (v - 0.5) + 0.004 * Math.sin(v * 14 + at * 60);
          const half = width * (0.65 + 0.5 * v);
          const across = (u - middle) / half;
          if (Math.abs(across) > 1.1 || v > floor + 0.012) continue;
          const bark = fractal(noise, u * 420, v * 34, 3);
          const wood = scale(autumn ? [0.09, 0.06, 0.042] : [0.055, 0.06, 0.05], 0.5 + bark);
          const round = 0.65 + 0.5 * Math.max(0, across * (source > middle ? 1 : -1));
          light = mix(light, scale(wood, round), veil * smooth(1.1, 0.9, Math.abs(across)));
        }
        if (v > CROWNS_END) continue;
        const leaves = fractal(noise, u * 24 * (1.5 - near) + near * 50, v * 24 * (1.5 - near), 6);
        const crown = smooth(0.5, 0.66, leaves + 0.42 * smooth(0.42, 0, v) - 0.22) * smooth(CROWNS_END, 0.26, v);
        const leaf = autumn
          ? mix([0.32, 0.1, 0.015], [0.75, 0.4, 0.06], leaves)
          : mix([0.03, 0.07, 0.015], [0.2, 0.34, 0.08], leaves);
        light = mix(light, add(leaf, scale([0.5, 0.4, 0.16], beam * 0.25)), crown * veil * 0.85);
      }
      return light;
    },
  };
};

const dunes: Painter = (seed, aspect) => {
  const random = randomFrom(seed);
  const noise = noiseFrom(seed + 5);
  const horizon = 0.36 + random() * 0.08;
  const fromLeft = random() < 0.5;
  const layers = Array.from({ length: 5 }, (_, index) => ({
    base: horizon + 0.02 + index * (0.11 + random() * 0.03),
    height: 0.035 + index * 0.028,
    pace: 2.6 - index * 0.36,
    offset: random() * 70,
  }));
  const crest = (u: number, { base, height, pace, offset }: (typeof layers)[number]) =>
    base -
    height *
      (1.7 * ridged(noise, u * pace * 0.7 + offset, offset, 1) +
        0.9 * fractal(noise, u * pace + offset, offset, 3) -
        0.7);
  return {
    title: pick(random, 'A sea without water', 'Walked an hour to stand here', 'Wind from the south'),
    caption: 'Every footprint is gone by the next morning.',
    tags: ['desert', 'dunes', 'light'],
    exposure: 1.1,
    grain: 0.028,
    shade(u, v) {
      for (let index = layers.length - 1; index >= 0; index -= 1) {
        const layer = layers[index];
        if (!layer) continue;
        const top = crest(u, layer);
        if (v < top) continue;
        const below = v - top;
        const slope = (crest(u + 0.01, layer) - crest(u - 0.01, layer)) / 0.02;
        const bend = below * (1.1 + 0.4 * index) + 0.06 * (fractal(noise, u * 5 + layer.offset, v * 4, 3) - 0.5);
        const facing = smooth(-0.16, 0.2, (fromLeft ? -slope : slope) + 0.1 - bend * 0.9);
        const ripples = Math.sin(
          (v * 300 + u * 70 * aspect) / (0.6 + index * 0.22) + 9 * fractal(noise, u * 7, v * 15, 3),
        );
        const grains = fractal(noise, u * 330, v * 330, 2) - 0.5;
        const lit: Light = [0.62, 0.27, 0.085];
        const shadow: Light = [0.085, 0.035, 0.035];
        const sand = scale(
          mix(shadow, lit, facing),
          1 + 0.05 * ripples * (0.3 + index * 0.18) * (0.3 + facing) + 0.12 * grains,
        );
        return mix([0.6, 0.42, 0.3], sand, 0.55 + 0.112 * index);
      }
      const sky = gradient(
        [
          [0, [0.1, 0.24, 0.5]],
          [0.7, [0.42, 0.55, 0.68]],
          [1, [0.85, 0.72, 0.58]],
        ],
        v / horizon,
      );
      const wisp = smooth(0.55, 0.9, fractal(noise, u * 3 + v * 4, v * 16, 5));
      return mix(sky, [0.95, 0.9, 0.85], wisp * 0.4);
    },
  };
};

const aurora: Painter = (seed, aspect) => {
  const random = randomFrom(seed);
  const noise = noiseFrom(seed + 6);
  const stars = Array.from({ length: 420 }, () => ({
    u: random(),
    v: random() * 0.75,
    light: 0.3 + random() ** 5 * 2.2,
  }));
  const cells = new Map<string, typeof stars>();
  for (const star of stars) {
    const key = `${Math.floor(star.u * 40)} ${Math.floor(star.v * 40)}`;
    cells.set(key, [...(cells.get(key) ?? []), star]);
  }
  const curtains = Array.from({ length: 3 }, (_, index) => ({
    base: 0.5 - index * 0.11 - random() * 0.06,
    offset: random() * 60,
    strength: 1 - index * 0.25,
  }));
  const hill = (u: number) => 0.74 - 0.14 * fractal(noise, u * 3 + 8, 5, 5);
  const tree = (u: number) => {
    const at = u * 46 * aspect;
    const grows = noise(Math.floor(at) * 7.7, 3) * 0.09;
    return grows * Math.max(0, 1 - Math.abs((at % 1) - 0.5) * 2.4) * (0.8 + 0.4 * noise(u * 900, 1));
  };
  return {
    title: pick(random, 'It moved like curtains', 'Minus nineteen', 'Twelve seconds of light'),
    caption: 'The camera saw the red; we only saw the green.',
    tags: ['aurora', 'night', 'winter'],
    exposure: 1.25,
    grain: 0.05,
    shade(u, v) {
      const top = hill(u);
      if (v > top - tree(u)) {
        if (v < top) return [0.006, 0.012, 0.014];
        const drift = fractal(noise, u * 16, v * 44, 5);
        return scale([0.11, 0.2, 0.2], 0.35 + drift * (0.65 + v * 0.3));
      }
      let light = gradient(
        [
          [0, [0.008, 0.012, 0.035]],
          [0.75, [0.02, 0.05, 0.07]],
          [1, [0.03, 0.07, 0.07]],
        ],
        v,
      );
      for (const star of cells.get(`${Math.floor(u * 40)} ${Math.floor(v * 40)}`) ?? []) {
        light = add(
          light,
          scale(
            [0.9, 0.95, 1],
            star.light * Math.exp(-Math.pow(Math.hypot((u - star.u) * aspect, v - star.v) / 0.0011, 2)),
          ),
        );
      }
      for (const { base, offset, strength } of curtains) {
        const fold =
          base + 0.17 * (fractal(noise, u * 2.4 + offset, offset, 4) - 0.5) + 0.02 * Math.sin(u * 16 + offset);
        const above = fold - v;
        const rays = 0.25 + 1.25 * fractal(noise, u * 70 + offset + above * 3, offset, 4) ** 2;
        const shape = above > 0 ? Math.exp(-above * 6.5) : Math.exp(above * 46);
        light = add(
          light,
          scale(mix([0.14, 0.95, 0.42], [0.6, 0.14, 0.5], smooth(0.06, 0.36, above)), shape * rays * strength * 0.5),
        );
      }
      return light;
    },
  };
};

export const SCENES = { lake, sea, city, forest, dunes, aurora } as const satisfies Record<string, Painter>;
export type SceneName = keyof typeof SCENES;
