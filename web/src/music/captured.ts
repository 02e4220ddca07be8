// What is being played in: keys as they go down and up, in seconds from the first one.

export interface CapturedNote {
  onset: number;
  duration: number | null;  // null while the key is down
  pitch: number;
  velocity: number;
}

export class Capture {
  private readonly taken: CapturedNote[] = [];
  private origin: number | null;

  // With a steady click, time counts from it; else from the first note.
  constructor(origin: number | null = null) {
    this.origin = origin;
  }

  down(pitch: number, velocity: number, time: number): void {
    this.up(pitch, time);
    this.origin ??= time;
    this.taken.push({ onset: Math.max(0, time - this.origin), duration: null, pitch, velocity });
  }

  up(pitch: number, time: number): void {
    const note = this.taken.findLast((other) => other.pitch === pitch && other.duration === null);
    if (note && this.origin !== null) note.duration = Math.max(0.03, time - this.origin - note.onset);
  }

  undo(): void {
    this.taken.pop();
    if (this.taken.length === 0) this.origin = null;
  }

  get notes(): readonly CapturedNote[] {
    return this.taken;
  }

  // [onset, duration, pitch, velocity] in seconds; whole bars of silence before the first note are
  // left out where a click gave the time.
  finished(now: number, barSeconds: number | null): number[][] {
    for (const note of this.taken) if (note.duration === null) this.up(note.pitch, now);
    const first = Math.min(...this.taken.map((note) => note.onset));
    const skip = barSeconds ? Math.floor((first + 0.1) / barSeconds) * barSeconds : first;
    return this.taken
      .map((n) => [Math.max(0, n.onset - skip), n.duration!, n.pitch, n.velocity])
      .sort((a, b) => a[0]! - b[0]! || b[2]! - a[2]!);
  }
}
