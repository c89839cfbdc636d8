/** The part of it that is used here; its own types come with those of all of npm. */
declare module 'npm-packlist' {
  export interface PackageTree {
    readonly path: string;
    readonly package: Readonly<Record<string, unknown>>;
    readonly isProjectRoot: boolean;
    /** Installed dependencies, for `bundleDependencies`. */
    readonly edgesOut: ReadonlyMap<string, object>;
  }
  export default function packlist(tree: PackageTree): Promise<string[]>;
}
