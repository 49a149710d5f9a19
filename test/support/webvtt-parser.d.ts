/** What tests use of webvtt-parser, which has no types of its own. */
declare module 'webvtt-parser' {
  export interface CueNode {
    readonly type: 'text' | 'object' | 'timestamp';
    readonly name?: string;
    readonly value?: string;
    readonly children?: readonly CueNode[];
  }

  export interface ParsedCue {
    /** Seconds. */
    readonly startTime: number;
    readonly endTime: number;
    readonly text: string;
    readonly tree: CueNode;
  }

  export class WebVTTParser {
    /** With the ampersand and the semicolon of each. */
    constructor(entities: Readonly<Record<string, string>>);
    parse(input: string): {
      readonly cues: readonly ParsedCue[];
      /** All that the specification forbids. */
      readonly errors: readonly { readonly message: string; readonly line: number }[];
    };
  }
}
