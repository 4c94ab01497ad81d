"""Pictures as version 0.1 wrote them."""

from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from vimae_bench.storage.image_grid import KEY, TILE, Images, make_grid, to_pillow_image


def save_grid(images: Images, columns: int, path: Path) -> None:
    """Write images [N, H, W, C] as a PNG, enlarged by an integer factor, so that every pixel stays a sharp square."""
    height, width = images.shape[1:3]
    factor = max(1, TILE // max(height, width))
    metadata = PngInfo()
    metadata.add_text(KEY, f"{height} {width} {factor}")
    to_pillow_image(make_grid(images, columns, factor)).save(path, format="PNG", pnginfo=metadata)
