export async function seed(_p: unknown, _o: unknown): Promise<void> {}
