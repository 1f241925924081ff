export { type Platform, type PlatformOptions, bucketOf, startPlatform } from './platform.ts';
export { DEFAULT_PORTS, offsetPorts } from './ports.ts';
export { type Addresses, type RunningPlatform, findRunningPlatform } from './running.ts';
export { StartError } from './start-error.ts';
