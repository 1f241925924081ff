import { findEmulators } from './discover.ts';
import { findJava } from './java.ts';
import { buildRulesHost } from './rules-engine.ts';
import { type FetchDocument, type RulesHost, openRulesHost } from './rules-host.ts';

/**
 * The hosted rules engine by itself, as it would be started for the Storage emulator of this machine.
 *
 * @throws {StartError} when Java or the Firestore emulator is missing
 */
export async function openHostedRules(fetchDocument?: FetchDocument): Promise<RulesHost> {
  const java = await findJava(process.env);
  const { firestore } = await findEmulators(process.env);
  return openRulesHost(java, await buildRulesHost(java, firestore.path), fetchDocument);
}
