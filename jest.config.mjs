/** Run through `npm test`, which starts the platform that the rules and flow tests need. */
export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' } }],
  },
  modulePathIgnorePatterns: ['<rootDir>/functions/lib', '<rootDir>/.cache', '<rootDir>/.data'],
  maxWorkers: 2,
  // Longer than one wait of a test may take (RECOVERY_MAX_MS in test/support/faults.ts), so that the wait says what it saw.
  testTimeout: 180_000,
};
