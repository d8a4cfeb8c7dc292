# SPDX-License-Identifier: MIT
"""Curves of what a key costs, as small SVGs that gnuplot draws; on white paper and on black, they can
be read."""

import subprocess

TEXT = '#808080'
COLOURS = {'ringcache': '#e8590c', 'floor_uv': '#909090', 'libmemcached': '#1c7ed6',
           'hiredis_async': '#1c7ed6', 'hiredis_sync': '#2f9e44'}
HEAD = f'''
set terminal svg size 800,340 dynamic font "sans-serif,12"
set multiplot layout 1,2
set rmargin 6
set border 3 linecolor rgb "{TEXT}"
set tics nomirror textcolor rgb "{TEXT}"
set key top right textcolor rgb "{TEXT}"
set title textcolor rgb "{TEXT}"
set xlabel textcolor rgb "{TEXT}"
set ylabel "ns" textcolor rgb "{TEXT}"
set logscale xy
unset mxtics
unset mytics
'''


def quoted(text):
    return '"' + text.replace('_', '\\\\_') + '"'


def blocks(curves):
    """Of each curve its points, as gnuplot takes them."""
    for number, points in enumerate(curves.values()):
        lines = ''.join(f'{x} {y:.1f}\n' for x, y in points)
        yield f'$curve{number} << end\n{lines}end\n'


def panel(title, xlabel, curves):
    """`curves`: by contender, (x, ns) in order."""
    ticks = ','.join(f'"{x:,}" {x}' for x in dict.fromkeys(
        x for points in curves.values() for x, _ in points))
    drawn = ', '.join(
        f'$curve{number} with linespoints linewidth {2.5 if name == "ringcache" else 1.5} '
        f'pointtype 7 pointsize 0.4 linecolor rgb "{COLOURS[name]}" title {quoted(name)}'
        for number, name in enumerate(curves))
    return (f'{"".join(blocks(curves))}set title {quoted(title)}\nset xlabel {quoted(xlabel)}\n'
            f'set xtics ({ticks})\nplot {drawn}\n')


def draw(path, panels):
    """Two of them, side by side. `panels`: (title, what x is, curves)."""
    script = HEAD + ''.join(panel(*each) for each in panels) + 'unset multiplot\n'
    done = subprocess.run(['gnuplot'], input=script, capture_output=True, text=True, check=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(done.stdout)
