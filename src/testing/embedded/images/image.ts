/** What a registry of the embedded runtime wants to be shown before it gives an image away. */
export type RegistryAuth =
  /** Basic authentication, from CRI's `username` and `password` or from its `auth`. */
  | { readonly username: string; readonly password: string }
  /** Token authentication, from CRI's `identity_token`. */
  | { readonly identityToken: string };

/**
 * An image in the registries of the embedded runtime. It has no content: all that is asked for is what CRI tells of
 * images, and what containers take from them. The same image has the same digest and id always and everywhere.
 */
export interface EmbeddedImage {
  /**
   * What it can be pulled by, at least one: names as a caller writes them, without a digest, in any registries. A name
   * without a tag means `latest`, one without a registry Docker Hub. Becomes `Image.repo_tags`, for the names pulled.
   */
  readonly names: readonly string[];
  /**
   * What it takes on the node, in bytes. Becomes `Image.size`.
   * @default 4_194_304
   */
  readonly sizeBytes?: number | undefined;
  /**
   * Who runs its processes: `1001`, `1001:1002`, `app` or `app:staff`. A number becomes `Image.uid`, a name
   * `Image.username`; the group is for whoever starts the process.
   * @default root, with neither field set
   */
  readonly user?: string | undefined;
  /**
   * Environment of its processes, which a container's own adds to.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * The program, for a container without a `command`.
   * @default none
   */
  readonly entrypoint?: readonly string[] | undefined;
  /**
   * The arguments, for a container without a `command` and without `args`.
   * @default none
   */
  readonly cmd?: readonly string[] | undefined;
  /**
   * Where its processes start, an absolute path.
   * @default the container's root
   */
  readonly workingDir?: string | undefined;
  /**
   * What StopContainer sends first, by name: `SIGQUIT`.
   * @default SIGTERM
   */
  readonly stopSignal?: string | undefined;
  /**
   * Labels of the image's config.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * Annotations of the image's manifest. Become `Image.spec.annotations`, in ImageStatus.
   * @default none
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether garbage collection is to leave it alone. Becomes `Image.pinned`; does not hinder RemoveImage.
   * @default false
   */
  readonly pinned?: boolean | undefined;
  /**
   * What its registry wants for it.
   * @default everybody may pull it
   */
  readonly auth?: RegistryAuth | undefined;
  /**
   * How long a pull takes, in milliseconds, where the image is not on the node yet.
   * @default 0
   */
  readonly pullMs?: number | undefined;
  /**
   * How many layers it has, 1 to 127.
   * @default 1
   */
  readonly layers?: number | undefined;
  /**
   * The digest of its manifest, `sha256:` and 64 hex digits, where a test needs a certain one.
   * @default computed from all the fields that are part of an image
   */
  readonly digest?: string | undefined;
}
