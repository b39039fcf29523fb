"""Runs a notebook and prints tables that it leaves: notebook.py NOTEBOOK OUTPUT NAME..."""
import sys
import nbformat
from nbclient import NotebookClient

source, output, *names = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
shown = len(notebook.cells)
notebook.cells.append(nbformat.v4.new_code_cell(
    "".join(f"print('# {name}'); print({name}.to_csv(index=False), end='')\n" for name in names)))
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False).execute()
print("".join(o.text for o in notebook.cells[-1].outputs if o.name == "stdout"), end="")

del notebook.cells[shown:]
notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                     "language_info": {"name": "python"}}
nbformat.validate(notebook)
nbformat.write(notebook, output)
