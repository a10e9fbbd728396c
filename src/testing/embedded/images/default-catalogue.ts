import { ImageCatalogue } from "./catalogue.js";

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The images that the embedded runtime has without being told: BusyBox, Alpine and nginx on Docker Hub, BusyBox on quay.io
 * too, and the pause image and agnhost on registry.k8s.io. They are called as real ones are, and are made up.
 */
export function defaultCatalogue(): ImageCatalogue {
  return new ImageCatalogue([
    {
      names: [
        "docker.io/library/busybox:1.37",
        "docker.io/library/busybox:latest",
        "quay.io/prometheus/busybox:latest",
      ],
      sizeBytes: 2_223_686,
      env: { PATH: path },
      cmd: ["sh"],
    },
    {
      names: ["docker.io/library/alpine:3.22", "docker.io/library/alpine:latest"],
      sizeBytes: 3_806_782,
      env: { PATH: path },
      cmd: ["/bin/sh"],
      workingDir: "/",
    },
    {
      names: ["docker.io/library/nginx:1.29", "docker.io/library/nginx:latest"],
      sizeBytes: 59_774_010,
      env: { PATH: path, NGINX_VERSION: "1.29.3" },
      entrypoint: ["/docker-entrypoint.sh"],
      cmd: ["nginx", "-g", "daemon off;"],
      stopSignal: "SIGQUIT",
      layers: 7,
    },
    {
      names: ["registry.k8s.io/pause:3.10"],
      sizeBytes: 320_368,
      user: "65535:65535",
      env: { PATH: path },
      entrypoint: ["/pause"],
      workingDir: "/",
      pinned: true,
    },
    {
      names: ["registry.k8s.io/e2e-test-images/agnhost:2.53"],
      sizeBytes: 51_104_000,
      env: { PATH: path },
      entrypoint: ["/agnhost"],
      cmd: ["pause"],
      layers: 4,
    },
  ]);
}
