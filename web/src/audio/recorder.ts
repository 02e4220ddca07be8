// The microphone: a level to look at while it runs, and the recording when it stops.

export interface Recorder {
  level(): number;  // 0 to 1, of the last moment
  stop(): Promise<Blob>;
  discard(): void;
}

// MP4 for browsers that know no WebM.
const kTypes = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];

export async function record(context: AudioContext): Promise<Recorder> {
  // Music, not speech: nothing may be "improved".
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);

  const type = kTypes.find((candidate) => MediaRecorder.isTypeSupported(candidate));
  const recorder = new MediaRecorder(stream, {
    audioBitsPerSecond: 192_000, ...(type ? { mimeType: type } : {}),
  });
  const parts: Blob[] = [];
  recorder.ondataavailable = (event) => { if (event.data.size > 0) parts.push(event.data); };
  recorder.start(250);
  const release = () => {
    source.disconnect();
    for (const track of stream.getTracks()) track.stop();
  };
  return {
    level: () => {
      analyser.getFloatTimeDomainData(samples);
      let peak = 0;
      for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
      return peak;
    },
    stop: () => new Promise((resolve) => {
      recorder.onstop = () => {
        release();
        resolve(new Blob(parts, { type: recorder.mimeType }));
      };
      recorder.stop();
    }),
    discard: () => {
      if (recorder.state !== 'inactive') recorder.stop();
      release();
    },
  };
}

export function extensionOf(blob: Blob): string {
  if (blob.type.includes('ogg')) return 'ogg';
  return blob.type.includes('mp4') ? 'm4a' : 'webm';
}
