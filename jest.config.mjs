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
  testTimeout: 120_000,
};
