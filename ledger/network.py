"""Where a ledger must not lie: on a network, where locks and shared memory between processes cannot be relied on.

SQLite's write-ahead log needs both. 9p and virtiofs are not refused: they are the folders that one host lends to its sandbox,
WSL or virtual machine, often all that there is, and whoever uses the ledger within shares one kernel.
"""

from pathlib import Path

from ..errors import BadInput

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "kafs",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "orangefs",
        "pvfs2",
        "panfs",
        "wekafs",
        "dvs",
    }
)
LOCAL_FUSE = frozenset(
    {
        "fuse-overlayfs",
        "bindfs",
        "mergerfs",
        "encfs",
        "gocryptfs",
        "cryfs",
        "ext2",
        "ext4",
        "exfat",
        "ntfs",
        "ntfs-3g",
        "zfs",
        "grpcfuse",
        "osxfs",
    }
)
"""What runs in user space and yet is on this machine; the rest there (sshfs, juicefs, s3fs, gvfsd-fuse…) is taken to be far."""
MOUNTS = Path("/proc/self/mounts")


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a ledger on a network file system, where the kernel tells (Linux).

    Raises:
        BadInput: it lies on one.
    """
    try:
        lines = mounts.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    fields = [line.split(" ") for line in lines]
    points = {Path(field[1].replace("\\040", " ")): field[2] for field in fields if len(field) > 2}
    place = path.absolute().parent.resolve()
    kind = next((points[folder] for folder in [place, *place.parents] if folder in points), "")
    program = kind.removeprefix("fuse.")
    if kind in NETWORK_FILE_SYSTEMS or (program != kind and program not in LOCAL_FUSE):
        raise BadInput(
            f"{path}: the ledger would lie on a network file system ({kind}), where two processes can damage it; "
            "set POTSTILL_LEDGER to a file on a disk of this machine"
        )
