import { describe, expect, test } from '@jest/globals';
import { Breaker, SILENCE_MAX_MS, TRIAL_EVERY_MS, guarded } from '../../../functions/src/platform/breaker.ts';
import { permanent, transient } from '../../../functions/src/platform/errors.ts';

const REFUSED = { code: 'dependency-unavailable', retryable: true };
const deadline = () => transient('deadline-exceeded', 'no answer');

/** A breaker on a clock of the test's, and calls that are answered when the test says so. */
function setUp() {
  const clock = { ms: 0 };
  const told: string[] = [];
  const breaker = new Breaker(
    'Firestore',
    (message) => told.push(message),
    () => clock.ms,
  );
  const made = { calls: 0 };
  const begin = () => {
    const answer = Promise.withResolvers<string>();
    const ended = breaker.run(() => {
      made.calls += 1;
      return answer.promise;
    });
    return { ...answer, ended };
  };
  /** Calls that nobody answers, until the circuit is open; the last one is the trial that opened it. */
  const fallSilent = () => {
    const unanswered = begin();
    clock.ms += SILENCE_MAX_MS;
    return [unanswered, begin()] as const;
  };
  return { clock, told, breaker, made, begin, fallSilent };
}

describe('a breaker', () => {
  test('makes the calls to a dependency that answers, and hands over what they return and throw', async () => {
    const { breaker, clock, told } = setUp();
    expect(await breaker.run(() => Promise.resolve('read'))).toBe('read');
    clock.ms += 10 * SILENCE_MAX_MS;
    await expect(breaker.run(() => Promise.reject(permanent('malformed', 'no')))).rejects.toMatchObject({
      code: 'malformed',
    });
    expect(await breaker.run(() => Promise.resolve('read'))).toBe('read');
    expect(told).toEqual([]);
  });

  test('makes no more calls, and says that they may be tried again, when for seconds none was answered', async () => {
    const { begin, clock, fallSilent, made, told } = setUp();
    const [first] = fallSilent();
    clock.ms += TRIAL_EVERY_MS - 1;
    await expect(begin().ended).rejects.toMatchObject(REFUSED);
    expect(made.calls).toBe(2);
    expect(told).toEqual(['a dependency does not answer']);
    first.resolve('late');
    expect(await first.ended).toBe('late');
  });

  test('lets one call through each second to see whether there is an answer again', async () => {
    const { begin, clock, fallSilent, made } = setUp();
    fallSilent();
    for (let second = 1; second <= 3; second += 1) {
      clock.ms += TRIAL_EVERY_MS;
      begin();
      await expect(begin().ended).rejects.toMatchObject(REFUSED);
      expect(made.calls).toBe(2 + second);
    }
  });

  test('makes calls again as soon as any call is answered, be it with an error', async () => {
    const { begin, fallSilent, told } = setUp();
    const [first, trial] = fallSilent();
    trial.reject(permanent('grpc-7', 'not allowed'));
    await expect(trial.ended).rejects.toMatchObject({ code: 'grpc-7' });
    const next = begin();
    next.resolve('read');
    expect(await next.ended).toBe('read');
    expect(told).toEqual(['a dependency does not answer', 'a dependency answers again']);
    first.resolve('');
  });

  test('takes the end of a call by its deadline for no answer', async () => {
    const { begin, clock, fallSilent } = setUp();
    for (const each of fallSilent()) {
      each.reject(deadline());
      await expect(each.ended).rejects.toMatchObject({ code: 'deadline-exceeded' });
    }
    clock.ms += TRIAL_EVERY_MS;
    const trial = begin();
    await expect(begin().ended).rejects.toMatchObject(REFUSED);
    trial.reject(Object.assign(new Error('unavailable'), { code: 14 }));
    await expect(trial.ended).rejects.toThrow('unavailable');
    await expect(begin().ended).rejects.toMatchObject(REFUSED);
  });

  test('closes nobody out for one call that hangs while others are answered', async () => {
    const { begin, breaker, clock } = setUp();
    const hanging = begin();
    for (let waited = 0; waited < 3 * SILENCE_MAX_MS; waited += SILENCE_MAX_MS) {
      clock.ms += SILENCE_MAX_MS;
      expect(await breaker.run(() => Promise.resolve('read'))).toBe('read');
    }
    hanging.resolve('');
  });

  test('is not opened by a pause in which nobody called', async () => {
    const { begin, clock } = setUp();
    const first = begin();
    first.resolve('');
    await first.ended;
    clock.ms += 10 * SILENCE_MAX_MS;
    const [one, other] = [begin(), begin()];
    one.resolve('one');
    other.resolve('other');
    expect(await Promise.all([one.ended, other.ended])).toEqual(['one', 'other']);
  });
});

test('every method of a guarded object goes through its breaker', async () => {
  const { breaker, fallSilent } = setUp();
  const documents = guarded({ get: (path: string) => Promise.resolve(`found ${path}`) }, breaker);
  expect(await documents.get('a/b')).toBe('found a/b');
  fallSilent();
  await expect(documents.get('a/b')).rejects.toMatchObject(REFUSED);
});
