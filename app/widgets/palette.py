"""Command palette: type a few letters, press Enter."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command, Commands

MENU_ROLE, KEYS_ROLE = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
PAD_X, PAD_Y = 8, 4

Index = QModelIndex | QPersistentModelIndex


def match_score(query: str, title: str) -> int:
    """How well the letters of ``query`` fit a title, in order; 0 is no fit, more is better.

    A run of neighbouring letters and a letter that starts a word count most.
    """
    title, query = title.lower(), query.lower().replace(" ", "")
    if not query:
        return 1
    score, position, previous = 1, 0, -2
    for letter in query:
        found = title.find(letter, position)
        if found < 0:
            return 0
        score += 5 if found == previous + 1 else 0
        score += 3 if found == 0 or not title[found - 1].isalnum() else 0
        previous, position = found, found + 1
    return score


class _Row(QStyledItemDelegate):
    """Title at the left with its menu in grey, keys at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, option.fontMetrics.height() + 2 * PAD_Y)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        style = option.widget.style() if option.widget else QApplication.style()
        element = QStyle.PrimitiveElement.PE_PanelItemViewItem
        style.drawPrimitive(element, option, painter, option.widget)
        role, palette = QPalette.ColorRole, option.palette
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        color = palette.color(role.HighlightedText if selected else role.Text)
        grey = color if selected else palette.color(role.PlaceholderText)
        area = option.rect.adjusted(PAD_X, 0, -PAD_X, 0)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        title = str(index.data())
        painter.setPen(color)
        painter.drawText(area, left, title)
        painter.drawText(
            area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, index.data(KEYS_ROLE)
        )
        painter.setPen(grey)
        area.setLeft(area.left() + option.fontMetrics.horizontalAdvance(title) + 2 * PAD_X)
        painter.drawText(area, left, index.data(MENU_ROLE))
        painter.restore()


class CommandPalette(QDialog):
    """A list of every command that can run now, filtered as one types."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._commands = commands
        self.setAccessibleName("Command palette")
        self._query = QLineEdit(self)
        self._query.setPlaceholderText("Type a command")
        self._query.setAccessibleName("Command to search")
        self._query.textChanged.connect(self._fill)
        self._query.installEventFilter(self)
        self._list = QListWidget(self)
        self._list.setAccessibleName("Commands found")
        self._list.setItemDelegate(_Row(self._list))
        self._list.itemActivated.connect(self._run)
        self._list.itemClicked.connect(self._run)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._query)
        layout.addWidget(self._list)
        self.resize(560, 380)

    def popup(self) -> None:
        """Show the palette at the upper middle of its parent."""
        parent = self.parentWidget()
        if parent is not None:
            corner = parent.mapToGlobal(parent.rect().topLeft())
            self.move(corner.x() + (parent.width() - self.width()) // 2, corner.y() + 60)
        self._query.clear()
        self._fill("")
        self.show()
        self._query.setFocus()

    def found(self) -> list[str]:
        """Ids of the commands listed now, best first."""
        return [
            self._list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self._list.count())
        ]

    def _fill(self, query: str) -> None:
        scored: list[tuple[int, Command]] = []
        for command in self._commands.all():
            # A fit in the title alone is worth more than one that needs the menu's name.
            context = f"{command.menu.replace('/', ' ')} {command.title}"
            score = 2 * match_score(query, command.title) or match_score(query, context)
            if score and command.enabled():
                scored.append((score, command))
        if query:
            scored.sort(key=lambda pair: (-pair[0], len(pair[1].title), pair[1].title))
        self._list.clear()
        for _, command in scored:
            item = QListWidgetItem(command.title)
            item.setData(Qt.ItemDataRole.UserRole, command.id)
            item.setData(MENU_ROLE, command.menu.replace("/", " › "))
            item.setData(KEYS_ROLE, "   ".join(self._commands.keys(command.id)))
            item.setToolTip(command.hint)
            self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.hide()
            self._commands.run(item.data(Qt.ItemDataRole.UserRole))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the cursor stays in the line."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            rows = self._list.count()
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and rows:
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self._list.setCurrentRow((self._list.currentRow() + step) % rows)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self._list.currentItem())
                return True
        return super().eventFilter(watched, event)
