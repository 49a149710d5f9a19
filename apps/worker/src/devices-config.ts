/** How an operator names the devices of a machine. */

import { modelNameSchema } from '@amanuensis/contract';
import { z } from 'zod';

export const DEVICE_KINDS = ['cpu', 'npu', 'cuda', 'webgpu'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

const texts = z.record(z.string(), z.coerce.string()).default({});

/** One device, or several of a kind. */
export const deviceSchema = z.strictObject({
  kind: z.enum(DEVICE_KINDS),
  /** What results call it; with a number where there are several. The kind where it is not set. */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_.-]*$/, 'must begin with a letter and hold letters, digits, _ . - only')
    .optional(),
  /** All of the machine's NPUs where it is not set, and one of each other kind. */
  count: z.int().min(1).optional(),
  /** PCI address of one NPU: `0000:c5:00.1`. */
  address: z.string().optional(),
  /** CPU threads that one run may use. */
  threads: z.int().min(1).optional(),
  /** Names of the models that it holds; all of them where it is not set. */
  models: z.array(modelNameSchema).min(1).optional(),
  /** Options of its execution provider, in the provider's words. */
  options: texts,
  /** Environment of its process. */
  env: texts,
});
export type DeviceSetting = z.infer<typeof deviceSchema>;
