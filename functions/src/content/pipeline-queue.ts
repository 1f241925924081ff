import { documentId } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { QueueDefinition } from '../platform/task-queues.ts';

/** The queue whose tasks each carry one upload through the pipeline. */
export const pipelineQueue: QueueDefinition<{ uploadId: string }> = {
  functionName: 'content-runPipeline',
  data: z.object({ uploadId: documentId }),
};
