/**
 * `npm run demo`: two people and a photo, on the platform that `npm start` runs. `--json` prints one JSON object for each
 * step and nothing else; the exit code is not zero when a step fails.
 */
import { parseArgs } from 'node:util';
import color from 'picocolors';
import { type SceneName, sceneNames } from '../photos/photos.ts';
import { bucketOf } from '../platform.ts';
import { findRunningPlatform } from '../running.ts';
import { type Narrator, type Step, StepFailed, playStory } from './story.ts';

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, scene: { type: 'string' } },
});

const jsonNarrator: Narrator = {
  begin() {},
  done: (step) => console.log(JSON.stringify(step)),
};

/** A bar of ten blocks. */
const bar = (part: number) =>
  color.green('█'.repeat(Math.round(part * 10))) + color.dim('░'.repeat(10 - Math.round(part * 10)));

const COLUMN = 58;

function shown({ data }: Step): string[] {
  const progress = data['progress'];
  if (Array.isArray(progress)) {
    return (progress as { step: string; progress: number; ms: number }[]).map(
      (each) => `${bar(each.progress)}  ${each.step.padEnd(20)}${color.dim(`${each.ms} ms after the ticket`)}`,
    );
  }
  return Object.entries(data).map(([name, value]) => {
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
    return `${color.dim(name)} ${text}`;
  });
}

const talkingNarrator: Narrator = {
  begin(_, who, what) {
    const line = `${color.bold(who)} ${what}`;
    const width = who.length + 1 + what.length;
    process.stdout.write(`  ${line} ${color.dim('.'.repeat(Math.max(2, COLUMN - width)))} `);
  },
  done(step) {
    console.log(color.cyan(`${String(step.ms).padStart(5)} ms`));
    for (const line of shown(step)) console.log(`      ${line}`);
  },
};

async function main(): Promise<number> {
  const running = await findRunningPlatform();
  if (!running) {
    const message = 'No platform is running here. Start it first: npm start';
    if (values.json)
      console.log(JSON.stringify({ step: 'find-platform', ms: 0, error: { code: 'not-running', message } }));
    else console.error(message);
    return 1;
  }
  const scenes: readonly string[] = sceneNames;
  const scene = values.scene ?? scenes[Math.floor(Math.random() * scenes.length)];
  if (scene === undefined || !scenes.includes(scene)) {
    console.error(`There is no scene "${scene}"; there are ${scenes.join(', ')}.`);
    return 1;
  }
  const target = { ...running, bucket: bucketOf(running.projectId) };
  const started = performance.now();
  if (!values.json)
    console.log(`\n${color.bold('PlayNite')} ${color.dim(`· project ${running.projectId} · two people, one photo`)}\n`);
  try {
    await playStory(target, scene as SceneName, values.json ? jsonNarrator : talkingNarrator);
  } catch (error) {
    const failed = error instanceof StepFailed ? error : new StepFailed('demo', error);
    const { step, code, message } = failed;
    if (values.json)
      console.log(JSON.stringify({ step, ms: Math.round(performance.now() - started), error: { code, message } }));
    else console.error(`\n\n${color.red(`✗ ${step} failed`)} (${code}): ${message}`);
    return 1;
  }
  if (!values.json)
    console.log(
      `\n${color.green('✓ all of it happened')} ${color.dim(`in ${((performance.now() - started) / 1000).toFixed(1)} s`)}\n`,
    );
  return 0;
}

// The stock SDKs keep timers that would hold the process for half a minute.
process.exit(await main());
