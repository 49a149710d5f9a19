/** Reads the parts of docker-compose.yml that say what runs where. */

import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

const serviceSchema = z.object({
  command: z.array(z.string()).min(1),
  environment: z.record(z.string(), z.string()).default({}),
  /** Ports that only other services reach. */
  expose: z.array(z.string()).default([]),
  /** `address:published:target` */
  ports: z.array(z.string()).default([]),
  /** `volume:folder` */
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.tuple([z.literal('CMD'), z.string()], z.string()) }),
  restart: z.string(),
  stop_grace_period: z
    .string()
    .regex(/^\d+s$/)
    .default('10s'),
});

const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()).default({}),
});

export type ComposeService = z.infer<typeof serviceSchema>;
export type ComposeFile = z.infer<typeof composeSchema>;

/** The document as it stands, aliases and merge keys resolved. */
export async function readComposeDocument(path: string): Promise<unknown> {
  return parse(await readFile(path, 'utf8'), { merge: true });
}

export async function readComposeFile(path: string): Promise<ComposeFile> {
  return composeSchema.parse(await readComposeDocument(path));
}

/** The ports that a service listens on. */
export function portsOf({ expose, ports }: ComposeService): string[] {
  return [...expose, ...ports.map((port) => port.split(':').at(-1) ?? '')];
}
