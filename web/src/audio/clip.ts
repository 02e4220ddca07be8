// A sound with a beginning and an end that can be heard from anywhere, and its plainest kind: a file
// that the browser plays. Time is in seconds.

export interface Clip {
  readonly playing: boolean;   // or waiting to go on
  readonly position: number;
  readonly length: number;
  onState: () => void;
  play(): void;
  pause(): void;
  seek(seconds: number): void;
}

export class FileClip implements Clip {
  onState: () => void = () => {};

  constructor(private readonly audio: HTMLAudioElement, readonly length: number) {
    for (const name of ['play', 'pause', 'ended', 'seeked']) audio.addEventListener(name, () => this.onState());
  }

  get playing(): boolean {
    return !this.audio.paused && !this.audio.ended;
  }

  get position(): number {
    return this.audio.currentTime;
  }

  play(): void {
    void this.audio.play().catch(() => this.onState());
  }

  pause(): void {
    this.audio.pause();
  }

  seek(seconds: number): void {
    this.audio.currentTime = seconds;
  }
}
