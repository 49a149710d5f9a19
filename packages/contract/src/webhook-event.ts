/** The body of a webhook: thin, it names what happened and where to read about it. */

import { z } from 'zod';
import { errorCodeSchema } from './transcription.ts';

export const webhookEventSchema = z.strictObject({
  type: z.enum(['transcription.completed', 'transcription.failed', 'transcription.canceled']),
  /** When the event happened. */
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    id: z.string(),
    status: z.enum(['completed', 'failed', 'canceled']),
    error: z.strictObject({ code: errorCodeSchema, message: z.string() }).nullable(),
  }),
});
export type WebhookEvent = z.infer<typeof webhookEventSchema>;
