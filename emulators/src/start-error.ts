/** Why the platform cannot start, in a sentence that a person can act on; shown without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code: StartErrorCode;

  constructor(code: StartErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type StartErrorCode =
  | 'java-missing'
  | 'java-too-old'
  | 'jdk-missing'
  | 'emulator-missing'
  | 'port-taken'
  | 'rules-broken'
  | 'not-a-demo-project'
  | 'part-failed'
  | 'start-timeout'
  | 'disk';
